package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

type partitionRecord = httpapi.Record[httpapi.PartitionFields]

// topicAnswer is a topic as create_topic and get_topic_by_name answer it.
type topicAnswer struct {
	httpapi.Record[httpapi.TopicFields]
	ValidateOnly bool                     `json:"validateOnly,omitempty"` // nothing was created
	TopicUUID    string                   `json:"topicUUID,omitempty"`
	Partitions   []httpapi.TopicPartition `json:"partitions"`
	Configs      map[string]string        `json:"configs"`
}

func topicCommand() *cobra.Command {
	c := new(client)
	cmd := group("topic", "Create, show, list and delete topics")
	c.flags(cmd)
	cmd.AddCommand(topicCreateCommand(c), topicGetCommand(c), topicListCommand(c),
		topicDeleteCommand(c))
	return cmd
}

var partitionHeader = []string{
	"PARTITION", "LEADER", "REPLICAS", "ISR", "ADDING", "REMOVING", "EPOCH",
}

func partitionRow(f httpapi.PartitionFields) []string {
	return row(f.PartitionID, f.Leader, f.Replicas, f.ISR, f.AddingReplicas, f.RemovingReplicas,
		f.PartitionEpoch)
}

// forgetID removes the id that a topic was given for validation: the topic, once created, has
// another one.
func (t *topicAnswer) forgetID() {
	t.TopicUUID, t.Fields.TopicUUID = "", ""
	for i := range t.Partitions {
		t.Partitions[i].Fields.TopicUUID = ""
	}
}

var topicPartitionHeader = []string{
	"PARTITION", "LEADER", "LEADER EPOCH", "REPLICAS", "ISR", "ELR", "LAST KNOWN ELR", "ADDING",
	"REMOVING", "EPOCH",
}

func topicPartitionRow(p httpapi.TopicPartition) []string {
	f := p.Fields
	return row(f.PartitionID, f.Leader, p.LeaderEpoch, f.Replicas, f.ISR, p.ELR, p.LastKnownELR,
		f.AddingReplicas, f.RemovingReplicas, f.PartitionEpoch)
}

func (c *client) showTopic(t *topicAnswer) error {
	return show(c.out, c.output, t, func() [][]string {
		rows := [][]string{{"TOPIC", t.Fields.Name}, row("ID", t.TopicUUID)}
		if t.ValidateOnly {
			rows[1] = row("NOT CREATED", "only checked; it would be as follows")
		}
		for _, key := range sortedKeys(t.Configs) {
			rows = append(rows, []string{"CONFIG", key + "=" + t.Configs[key]})
		}
		rows = append(rows, []string{}, topicPartitionHeader)
		for _, p := range t.Partitions {
			rows = append(rows, topicPartitionRow(p))
		}
		return rows
	})
}

// newTopic holds the flags of topic create.
type newTopic struct {
	partitions, factor int32 // not sent unless given
	configs            map[string]string
	assignment         string // brokers of each partition, "1,2:2,3" for two
	validate           bool
}

func topicCreateCommand(c *client) *cobra.Command {
	var n newTopic
	cmd := &cobra.Command{
		Use:   "create NAME [--partitions N] [--replication-factor N] [--config KEY=VALUE]",
		Short: "Create a topic",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n.validate = n.validate || c.dryRun
			body, err := n.body(args[0], cmd.Flags().Changed)
			if err != nil {
				return err
			}
			t := topicAnswer{}
			if err := c.change(cmd.Context(), "creating topic "+args[0], "/v1/create_topic", body,
				&t); err != nil {
				return err
			}
			if t.ValidateOnly = n.validate; n.validate {
				t.forgetID()
			}
			return c.showTopic(&t)
		},
	}
	f := cmd.Flags()
	f.Int32VarP(&n.partitions, "partitions", "p", 0,
		"number of partitions; the controllers' default if absent")
	f.Int32VarP(&n.factor, "replication-factor", "r", 0,
		"replicas of each partition; the controllers' default if absent")
	f.StringToStringVar(&n.configs, "config", nil, "configuration, as key=value; may be repeated")
	f.StringVar(&n.assignment, "assignment", "",
		"brokers of each partition, such as 1,2:2,3 for two partitions")
	c.completeFlag(cmd, "config", configKeys(kindTopic, "="))
	f.BoolVar(&n.validate, "validate-only", false, "the same as --dry-run")
	c.dryRunFlag(cmd)
	return cmd
}

// body is the request. It has the values of the flags unchanged, so that the node judges them;
// given reports whether a flag was set.
func (n *newTopic) body(name string, given func(flag string) bool) (map[string]any, error) {
	body := map[string]any{"name": name}
	if given("partitions") {
		body["numPartitions"] = n.partitions
	}
	if given("replication-factor") {
		body["replicationFactor"] = n.factor
	}
	if len(n.configs) > 0 {
		body["configs"] = n.configs
	}
	if given("assignment") {
		lists, err := parseAssignment(n.assignment)
		if err != nil {
			return nil, err
		}
		body["assignments"] = lists
	}
	if n.validate {
		body["validateOnly"] = true
	}
	return body, nil
}

// parseAssignment reads lists such as 1,2:2,3: colons separate partitions, commas brokers.
func parseAssignment(s string) (lists [][]int32, err error) {
	for _, part := range strings.Split(s, ":") {
		list, err := parseIDs(part)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return lists, nil
}

func parseIDs(s string) (ids []int32, err error) {
	for _, part := range strings.Split(s, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(part), 10, 32)
		if err != nil || id < 0 {
			return nil, &exitError{exitUsage, fmt.Errorf("%q is not a list of broker ids such as 1,2,3", s)}
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}

func topicGetCommand(c *client) *cobra.Command {
	var byID bool
	cmd := &cobra.Command{
		Use: "get NAME", Short: "Show a topic with its partitions", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, query := "/v1/get_topic_by_name", url.Values{"name": args}
			if byID {
				path, query = "/v1/get_topic_by_id", url.Values{"topicUUID": args}
			}
			var t topicAnswer
			if err := c.ask(cmd.Context(), "asking for topic "+args[0], path, query, &t); err != nil {
				return err
			}
			return c.showTopic(&t)
		},
	}
	cmd.Flags().BoolVar(&byID, "id", false, "NAME is the topic's id")
	c.completeArgs(cmd, topicNames)
	return cmd
}

func topicDeleteCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a topic with its data", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.confirm(cmd, "Topic "+args[0]+" and its data will be deleted."); err != nil {
				return err
			}
			var deleted struct {
				httpapi.Record[httpapi.TopicFields]
				Partitions int `json:"partitions"`
			}
			if err := c.change(cmd.Context(), "deleting topic "+args[0], "/v1/delete_topic",
				map[string]any{"name": args[0]}, &deleted); err != nil {
				return err
			}
			return show(c.out, c.output, deleted, func() [][]string {
				f := deleted.Fields
				return [][]string{
					{"DELETED", "PARTITIONS", "ID"}, row(f.Name, deleted.Partitions, f.TopicUUID),
				}
			})
		},
	}
	c.destructive(cmd)
	c.completeArgs(cmd, topicNames)
	return cmd
}

// topicStates are the states of partitions by which topics and partitions are listed.
var topicStates = []string{"underReplicated", "underMinISR", "offline", "reassigning"}

func topicListCommand(c *client) *cobra.Command {
	f := listFlags{}
	cmd := &cobra.Command{
		Use:   "list [--prefix PREFIX] [--glob PATTERN] [--with STATE]",
		Short: "List topics", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := pages(cmd.Context(), c, "listing topics", "/v1/topics", f.query(), f.limit,
				func(p *httpapi.TopicPage) ([]httpapi.TopicSummary, httpapi.Page) {
					return p.Topics, p.Page
				})
			if err != nil {
				return err
			}
			return show(c.out, c.output, list, func() [][]string { return topicTable(list) })
		},
	}
	f.add(cmd, topicStates)
	c.completeFlag(cmd, "with", oneOf(topicStates...))
	return cmd
}

func topicTable(list []httpapi.TopicSummary) [][]string {
	rows := [][]string{{
		"TOPIC", "PARTITIONS", "REPLICAS", "UNDER REPLICATED", "UNDER MIN ISR", "LEADERLESS", "ID",
	}}
	for _, t := range list {
		rows = append(rows, row(t.Name, t.Partitions, t.ReplicationFactor, t.UnderReplicated,
			t.UnderMinISR, t.Leaderless, t.TopicUUID))
	}
	return rows
}
