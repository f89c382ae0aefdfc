package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

type partitionRecord = httpapi.Record[httpapi.PartitionFields]

// topicAnswer is a topic as create_topic and get_topic_by_name answer it.
type topicAnswer struct {
	httpapi.Record[httpapi.TopicFields]
	TopicUUID  string            `json:"topicUUID"`
	Partitions []partitionRecord `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

func topicCommand() *cobra.Command {
	c := new(client)
	cmd := group("topic", "Create, show and list topics")
	c.flags(cmd)
	cmd.AddCommand(topicCreateCommand(c), topicGetCommand(c), topicListCommand(c))
	return cmd
}

var partitionHeader = []string{"PARTITION", "LEADER", "REPLICAS", "ISR", "ADDING", "REMOVING", "EPOCH"}

func partitionRow(f httpapi.PartitionFields) []string {
	return row(f.PartitionID, f.Leader, f.Replicas, f.ISR, f.AddingReplicas, f.RemovingReplicas, f.PartitionEpoch)
}

func (c *client) showTopic(t *topicAnswer) error {
	return show(c.out, c.output, t, func() [][]string {
		rows := [][]string{{"TOPIC", t.Fields.Name}, {"ID", t.TopicUUID}}
		for _, key := range sortedKeys(t.Configs) {
			rows = append(rows, []string{"CONFIG", key + "=" + t.Configs[key]})
		}
		rows = append(rows, []string{}, partitionHeader)
		for _, p := range t.Partitions {
			rows = append(rows, partitionRow(p.Fields))
		}
		return rows
	})
}

func topicCreateCommand(c *client) *cobra.Command {
	var (
		partitions, factor int32
		configs            map[string]string
		assignment         string
		validate           bool
	)
	cmd := &cobra.Command{
		Use: "create NAME [--partitions N] [--replication-factor N] [--config KEY=VALUE]", Short: "Create a topic", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0]}
			if partitions > 0 {
				body["numPartitions"] = partitions
			}
			if factor > 0 {
				body["replicationFactor"] = factor
			}
			if len(configs) > 0 {
				body["configs"] = configs
			}
			if assignment != "" {
				lists, err := parseAssignment(assignment)
				if err != nil {
					return err
				}
				body["assignments"] = lists
			}
			if validate {
				body["validateOnly"] = true
			}
			var t topicAnswer
			if err := c.call(cmd.Context(), "creating topic "+args[0], http.MethodPost, "/v1/create_topic", nil, body, &t); err != nil {
				return err
			}
			return c.showTopic(&t)
		},
	}
	f := cmd.Flags()
	f.Int32VarP(&partitions, "partitions", "p", 0, "number of partitions; the controllers' default when absent")
	f.Int32VarP(&factor, "replication-factor", "r", 0, "replicas of each partition; the controllers' default when absent")
	f.StringToStringVar(&configs, "config", nil, "configuration, as key=value; may be repeated")
	f.StringVar(&assignment, "assignment", "", "brokers of each partition instead, such as 1,2:2,3 for two partitions")
	f.BoolVar(&validate, "validate-only", false, "check and create nothing")
	return cmd
}

// parseAssignment reads 1,2:2,3: partitions by colons, brokers by commas.
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
	return &cobra.Command{
		Use: "get NAME", Short: "Show a topic with its partitions", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var t topicAnswer
			if err := c.call(cmd.Context(), "asking for topic "+args[0], http.MethodGet, "/v1/get_topic_by_name", url.Values{"name": args}, nil, &t); err != nil {
				return err
			}
			return c.showTopic(&t)
		},
	}
}

// topicSummary is a line of topic list.
type topicSummary struct {
	Name       string `json:"name"`
	TopicUUID  string `json:"topicUUID"`
	Partitions int    `json:"partitions"`
	Leaderless int    `json:"leaderlessPartitions"`
}

func topicListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all topics", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			topics, err := fromSnapshot[httpapi.TopicFields](cmd.Context(), c, "TopicRecord")
			if err != nil {
				return err
			}
			partitions, err := fromSnapshot[httpapi.PartitionFields](cmd.Context(), c, "PartitionRecord")
			if err != nil {
				return err
			}
			list := summarize(topics, partitions)
			return show(c.out, c.output, list, func() [][]string {
				rows := [][]string{{"TOPIC", "PARTITIONS", "LEADERLESS", "ID"}}
				for _, t := range list {
					rows = append(rows, row(t.Name, t.Partitions, t.Leaderless, t.TopicUUID))
				}
				return rows
			})
		},
	}
}

func summarize(topics []httpapi.Record[httpapi.TopicFields], partitions []partitionRecord) []topicSummary {
	list := make([]topicSummary, len(topics))
	at := make(map[string]int, len(topics))
	for i, t := range topics {
		list[i], at[t.Fields.TopicUUID] = topicSummary{Name: t.Fields.Name, TopicUUID: t.Fields.TopicUUID}, i
	}
	for _, p := range partitions {
		i, ok := at[p.Fields.TopicUUID]
		if !ok {
			continue
		}
		list[i].Partitions++
		if p.Fields.Leader < 0 {
			list[i].Leaderless++
		}
	}
	slices.SortFunc(list, func(a, b topicSummary) int { return strings.Compare(a.Name, b.Name) })
	return list
}
