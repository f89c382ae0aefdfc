package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

type brokerRecord = httpapi.Record[httpapi.BrokerFields]

func brokerCommand() *cobra.Command {
	c := new(client)
	cmd := group("broker", "List, register, change and unregister brokers")
	c.flags(cmd)
	cmd.AddCommand(brokerListCommand(c), brokerGetCommand(c), brokerRegisterCommand(c),
		brokerUnregisterCommand(c), brokerChangeCommand(c), brokerStatusCommand(c))
	return cmd
}

var brokerHeader = []string{
	"ID", "STATUS", "HOST", "PORT", "PROTOCOL", "RACK", "EPOCH", "INCARNATION",
}

func brokerRow(f httpapi.BrokerFields) []string {
	return row(f.BrokerID, f.BrokerStatus, f.BrokerHost, f.BrokerPort, f.SecurityProtocol, f.RackID,
		f.Epoch, f.InternalUUID)
}

func (c *client) showBrokers(answer any, brokers ...brokerRecord) error {
	return show(c.out, c.output, answer, func() [][]string {
		rows := [][]string{brokerHeader}
		for _, b := range brokers {
			rows = append(rows, brokerRow(b.Fields))
		}
		return rows
	})
}

func brokerListCommand(c *client) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list [--all]", Short: "List the brokers that are alive", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var brokers []brokerRecord
			var err error
			if all {
				brokers, err = fromSnapshot[httpapi.BrokerFields](cmd.Context(), c, "RegisterBrokerRecord")
			} else {
				err = c.ask(cmd.Context(), "listing brokers", "/v1/get_all_active_brokers", nil, &brokers)
			}
			if err != nil {
				return err
			}
			return c.showBrokers(brokers, brokers...)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "include fenced brokers")
	return cmd
}

func brokerStatusCommand(c *client) *cobra.Command {
	var status string
	cmd := &cobra.Command{
		Use: "status [--status STATUS]", Args: args(0),
		Short: "Show all brokers with their listeners and heartbeats, and why some are fenced",
		RunE: func(cmd *cobra.Command, _ []string) error {
			brokers, err := c.brokerStates(cmd.Context(), strings.ToUpper(status))
			if err != nil {
				return err
			}
			return show(c.out, c.output, brokers, func() [][]string {
				return brokerStateTable(brokers)
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "",
		"only brokers with this status: INIT, FENCED, UNFENCED or CLOSED")
	c.completeFlag(cmd, "status", oneOf("INIT", "FENCED", "UNFENCED", "CLOSED"))
	return cmd
}

// brokerStates reads all brokers in a state; "" for all states. The leader is asked, which alone
// knows why a broker is fenced; without a leader any node answers.
func (c *client) brokerStates(
	ctx context.Context, status string,
) ([]httpapi.BrokerState, error) {
	query := url.Values{"consistency": {"linearizable"}}
	if status != "" {
		query.Set("status", status)
	}
	next := func(p *httpapi.BrokerPage) ([]httpapi.BrokerState, httpapi.Page) {
		return p.Brokers, p.Page
	}
	brokers, err := pages(ctx, c, "listing brokers", "/v1/brokers", query, 0, next)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && exitCode(err) == exitUnavailable {
		fmt.Fprintf(c.errOut, "yakt: %v\nyakt: this is only what the node that was asked knows\n", p)
		query.Del("consistency")
		return pages(ctx, c, "listing brokers", "/v1/brokers", query, 0, next)
	}
	return brokers, err
}

func brokerStateTable(brokers []httpapi.BrokerState) [][]string {
	rows := [][]string{
		{"ID", "STATUS", "LISTENERS", "RACK", "EPOCH", "LEADS", "LAST HEARTBEAT", "WHY"},
	}
	for _, b := range brokers {
		var listeners []string
		for _, l := range b.Listeners {
			listeners = append(listeners, fmt.Sprintf("%s://%s:%d", l.Name, l.Host, l.Port))
		}
		rows = append(rows, row(b.BrokerID, b.Status, strings.Join(listeners, ","), b.RackID, b.Epoch,
			b.Leads, b.LastHeartbeat, b.Why))
	}
	return rows
}

func brokerGetCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "get ID", Short: "Show a broker", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.broker(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.showBrokers(b, b)
		},
	}
	c.completeArgs(cmd, brokerIDs)
	return cmd
}

func (c *client) broker(ctx context.Context, id string) (b brokerRecord, err error) {
	if _, err := number(id, "a broker's id"); err != nil {
		return b, err
	}
	err = c.ask(ctx, "asking for broker "+id, "/v1/get_broker_by_id", url.Values{"brokerId": {id}}, &b)
	return b, err
}

func number(s, what string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, &exitError{exitUsage, fmt.Errorf("%q is not %s: give a number", s, what)}
	}
	return n, nil
}

func brokerRegisterCommand(c *client) *cobra.Command {
	var (
		host, protocol, rack, incarnation string
		port                              int32
		logDirs                           []string
	)
	cmd := &cobra.Command{
		Use:   "register ID --host HOST --port PORT",
		Short: "Register a broker that has no process to do so itself",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[0], "a broker's id")
			if err != nil {
				return err
			}
			body := map[string]any{
				"brokerId": id, "brokerHost": host, "brokerPort": port,
				"securityProtocol": strings.ToUpper(protocol), "rackId": rack,
			}
			if cmd.Flags().Changed("incarnation") {
				body["internalUUID"] = incarnation
			}
			if len(logDirs) > 0 {
				body["logDirs"] = logDirs
			}
			var b brokerRecord
			if err := c.change(cmd.Context(), "registering broker "+args[0], "/v1/register", body,
				&b); err != nil {
				return err
			}
			return c.showBrokers(b, b)
		},
	}
	f := cmd.Flags()
	f.StringVar(&host, "host", "", "host that clients connect to")
	f.Int32Var(&port, "port", 9092, "port that clients connect to")
	f.StringVar(&protocol, "security-protocol", "PLAINTEXT",
		"PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
	f.StringVar(&rack, "rack", "", "rack of the broker")
	f.StringVar(&incarnation, "incarnation", "",
		"incarnation id; repeat the last one to update that registration")
	f.StringSliceVar(&logDirs, "log-dir", nil, "id of a log directory; may be repeated")
	_ = cmd.MarkFlagRequired("host")
	c.dryRunFlag(cmd)
	return cmd
}

func brokerUnregisterCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unregister ID",
		Short: "Remove a broker from all partitions and delete its registration",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := number(args[0], "a broker's id")
			if err != nil {
				return err
			}
			if err := c.confirm(cmd, "Broker "+args[0]+" will leave all partitions."); err != nil {
				return err
			}
			var answer unregistered
			if err := c.change(cmd.Context(), "unregistering broker "+args[0], "/v1/unregister_broker",
				map[string]any{"brokerId": id}, &answer); err != nil {
				return err
			}
			return show(c.out, c.output, answer, func() [][]string {
				return append([][]string{
					{"ID", "EPOCH", "INCARNATION"},
					row(answer.Fields.BrokerID, answer.Fields.Epoch, answer.InternalUUID),
				}, impactRows(answer.Impact)...)
			})
		},
	}
	c.destructive(cmd)
	c.completeArgs(cmd, brokerIDs)
	return cmd
}

// unregistered is the answer of unregister_broker.
type unregistered struct {
	httpapi.Record[httpapi.UnregisterFields]
	InternalUUID string          `json:"internalUUID"`
	Impact       *httpapi.Impact `json:"impact,omitempty"`
}

// impactRows are rows of a table with the impact of a dry run; none without one.
func impactRows(i *httpapi.Impact) [][]string {
	if i == nil {
		return nil
	}
	return [][]string{
		{}, {"PARTITIONS", "NEW LEADER", "OFFLINE", "UNDER MIN ISR", "UNCLEAN"},
		row(i.Changed, i.LeaderChanges, i.Offline, i.UnderMinISR, i.Unclean),
	}
}

func brokerChangeCommand(c *client) *cobra.Command {
	var epoch int64
	cmd := &cobra.Command{
		Use: "change ID [--status STATUS] [--host HOST] [--port PORT] [--security-protocol PROTOCOL] " +
			"[--rack RACK]",
		Short: "Fence, unfence or shut down a broker, or change where it listens",
		Args:  args(1),
	}
	f := cmd.Flags()
	f.Int64Var(&epoch, "epoch", 0, "epoch of its registration; the current one if absent")
	f.String("status", "", "FENCED, UNFENCED, or CLOSED for a controlled shutdown")
	f.String("host", "", "new host")
	f.Int32("port", 0, "new port")
	f.String("security-protocol", "", "new protocol")
	f.String("rack", "", "new rack; empty for none")
	c.dryRunFlag(cmd)
	c.completeArgs(cmd, brokerIDs)
	c.completeFlag(cmd, "status", oneOf("FENCED", "UNFENCED", "CLOSED"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b, err := c.broker(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("epoch") {
			epoch = b.Fields.Epoch
		}
		body := map[string]any{"brokerId": b.Fields.BrokerID, "epoch": epoch}
		for flag, field := range map[string]string{
			"status": "brokerStatus", "host": "brokerHost", "security-protocol": "securityProtocol",
			"rack": "rackId",
		} {
			if v, _ := f.GetString(flag); f.Changed(flag) {
				body[field] = v
			}
		}
		if port, _ := f.GetInt32("port"); f.Changed("port") {
			body["brokerPort"] = port
		}
		var changed struct {
			httpapi.Record[httpapi.BrokerChangeFields]
			Impact *httpapi.Impact `json:"impact,omitempty"`
		}
		if err := c.change(cmd.Context(), "changing broker "+args[0], "/v1/register_broker_change", body,
			&changed); err != nil {
			return err
		}
		return show(c.out, c.output, changed, func() [][]string {
			n := changed.Fields
			return append([][]string{
				{"ID", "STATUS", "HOST", "PORT", "PROTOCOL", "EPOCH"},
				row(n.BrokerID, n.BrokerStatus, n.BrokerHost, n.BrokerPort, n.SecurityProtocol, n.Epoch),
			}, impactRows(changed.Impact)...)
		})
	}
	return cmd
}

// fromSnapshot reads the whole state that clients follow and returns the records of one name.
func fromSnapshot[F any](ctx context.Context, c *client, name string) ([]httpapi.Record[F], error) {
	var n news
	if err := c.ask(ctx, "reading the cluster's state", "/v1/client_mgmt", nil, &n); err != nil {
		return nil, err
	}
	kept := []httpapi.Record[F]{}
	for _, r := range n.Records {
		if r.Name != name {
			continue
		}
		k := httpapi.Record[F]{
			Type: r.Type, Name: r.Name, Timestamp: r.Timestamp, Offset: r.Offset, Epoch: r.Epoch,
		}
		if err := r.Fields.into(&k.Fields); err != nil {
			return nil, err
		}
		kept = append(kept, k)
	}
	return kept, nil
}
