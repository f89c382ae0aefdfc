package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// partitionStates are the states by which partitions are listed.
var partitionStates = append([]string{"notPreferred"}, topicStates...)

func partitionListCommand(c *client) *cobra.Command {
	f := listFlags{}
	var topic string
	var broker, leader int32
	cmd := &cobra.Command{
		Use:   "list [--topic TOPIC] [--broker ID] [--leader ID] [--with STATE]",
		Short: "List partitions, such as those without a leader or with a reassignment",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := f.query()
			for name, value := range map[string]string{
				"topic": topic, "broker": strconv.Itoa(int(broker)), "leader": strconv.Itoa(int(leader)),
			} {
				if cmd.Flags().Changed(name) {
					query.Set(name, value)
				}
			}
			list, err := pages(cmd.Context(), c, "listing partitions", "/v1/partitions", query, f.limit,
				func(p *httpapi.PartitionPage) ([]httpapi.PartitionState, httpapi.Page) {
					return p.Partitions, p.Page
				})
			if err != nil {
				return err
			}
			return show(c.out, c.output, list, func() [][]string {
				rows := [][]string{append([]string{"TOPIC"}, partitionHeader...)}
				for _, p := range list {
					rows = append(rows, append([]string{p.Topic}, partitionRow(p.PartitionFields)...))
				}
				return rows
			})
		},
	}
	f.add(cmd, partitionStates)
	cmd.Flags().StringVar(&topic, "topic", "", "only this topic")
	cmd.Flags().Int32Var(&broker, "broker", 0, "only partitions with a replica on this broker")
	cmd.Flags().Int32Var(&leader, "leader", 0, "only partitions that this broker leads")
	c.completeFlag(cmd, "with", oneOf(partitionStates...))
	c.completeFlag(cmd, "topic", topicNames)
	c.completeFlag(cmd, "broker", brokerIDs)
	c.completeFlag(cmd, "leader", brokerIDs)
	return cmd
}

// partitionName reads TOPIC-PARTITION, as Kafka's tools write it.
func partitionName(s string) (map[string]any, error) {
	i := strings.LastIndexByte(s, '-')
	if i > 0 {
		if id, err := strconv.ParseInt(s[i+1:], 10, 32); err == nil && id >= 0 {
			return map[string]any{"topic": s[:i], "partitionId": id}, nil
		}
	}
	return nil, &exitError{exitUsage, fmt.Errorf("%q is not a partition such as orders-0", s)}
}

func partitionNames(list []string) (names []map[string]any, err error) {
	for _, s := range list {
		name, err := partitionName(s)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// atLeastOne is a check for one or more arguments.
func atLeastOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &exitError{exitUsage, fmt.Errorf("got no arguments: yakt %s", usage(cmd))}
	}
	return nil
}

func reassignCommand(c *client) *cobra.Command {
	var throttle int64
	cmd := &cobra.Command{
		Use:   "reassign TOPIC-PARTITION=BROKERS... [--throttle BYTES]",
		Short: "Move partitions to other brokers, such as orders-0=2,3",
		Args:  atLeastOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			var targets []map[string]any
			for _, arg := range args {
				name, brokers, _ := strings.Cut(arg, "=")
				target, err := partitionName(name)
				if err != nil {
					return err
				}
				if target["replicas"], err = parseIDs(brokers); err != nil {
					return err
				}
				targets = append(targets, target)
			}
			body := map[string]any{"partitions": targets}
			if cmd.Flags().Changed("throttle") {
				body["throttleBytesPerSec"] = throttle
			}
			return c.alterPartitions(cmd, "moving partitions", "/v1/reassign_partitions", body)
		},
	}
	cmd.Flags().Int64Var(&throttle, "throttle", 0,
		"show the configurations that limit the bandwidth of each broker to so many bytes per second")
	c.dryRunFlag(cmd)
	return cmd
}

func cancelCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cancel TOPIC-PARTITION...", Args: atLeastOne,
		Short: "Cancel reassignments, which `yakt partition list --with reassigning` lists",
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := partitionNames(args)
			if err != nil {
				return err
			}
			return c.alterPartitions(cmd, "cancelling reassignments", "/v1/cancel_reassignments",
				map[string]any{"partitions": names})
		},
	}
	c.dryRunFlag(cmd)
	return cmd
}

func electCommand(c *client) *cobra.Command {
	var all, unclean bool
	cmd := &cobra.Command{
		Use:   "elect TOPIC-PARTITION... | --all [--unclean]",
		Short: "Return leadership to the first replicas, or elect replicas that are not in sync",
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := partitionNames(args)
			if err != nil {
				return err
			}
			body := map[string]any{"election": "preferred"}
			if unclean {
				body["election"] = "unclean"
				const lost = "Messages that only the lost replicas have will be lost."
				if err := c.confirm(cmd, lost); err != nil {
					return err
				}
			}
			if all {
				body["all"] = true
			}
			if len(names) > 0 {
				body["partitions"] = names
			}
			return c.alterPartitions(cmd, "electing leaders", "/v1/elect_leaders", body)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all partitions that need an election")
	cmd.Flags().BoolVar(&unclean, "unclean", false,
		"give partitions without a leader any live replica; messages may be lost")
	c.destructive(cmd)
	return cmd
}

// alterPartitions sends a change of several partitions. It fails if the change of one of them does.
func (c *client) alterPartitions(
	cmd *cobra.Command, what, path string, body map[string]any,
) error {
	var outcomes httpapi.PartitionOutcomes
	if err := c.change(cmd.Context(), what, path, body, &outcomes); err != nil {
		return err
	}
	err := show(c.out, c.output, outcomes, func() [][]string { return outcomeTable(&outcomes) })
	if err == nil && outcomes.Failed > 0 {
		err = fmt.Errorf("%d of %d partitions failed", outcomes.Failed, len(outcomes.Partitions))
	}
	return err
}

func outcomeTable(o *httpapi.PartitionOutcomes) [][]string {
	rows := [][]string{append(append([]string{"TOPIC"}, partitionHeader...), "ERROR")}
	for _, p := range o.Partitions {
		f := httpapi.PartitionFields{PartitionID: p.PartitionID, Leader: -1}
		if p.State != nil {
			f = *p.State
		}
		problem := p.Code
		if p.Detail != "" {
			problem += ": " + inCommands(p.Detail)
		}
		rows = append(rows, append(append([]string{p.Topic}, partitionRow(f)...), cell(problem)))
	}
	rows = append(rows, impactRows(o.Impact)...)
	if o.Throttle == nil || len(o.Throttle.Set) == 0 {
		return rows
	}
	rows = append(rows, []string{}, []string{"SET NOW, AND DELETE AT THE END", "NAME", "KEY", "VALUE"})
	for _, t := range o.Throttle.Set {
		rows = append(rows, row(t.Resource, t.Name, t.Key, t.Value))
	}
	return rows
}
