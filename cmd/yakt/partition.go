package main

import (
	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func partitionCommand() *cobra.Command {
	c := new(client)
	cmd := group("partition", "List, add, move and elect leaders of partitions")
	c.flags(cmd)
	cmd.AddCommand(partitionCreateCommand(c),
		replicaCommand(c, "add-replica", "/v1/add_replica",
			"Add a replica; it is in ADDING until it is in sync"),
		replicaCommand(c, "remove-replica", "/v1/remove_replica",
			"Remove a replica; it is in REMOVING until the others are in sync"),
		partitionListCommand(c), reassignCommand(c), cancelCommand(c), electCommand(c))
	return cmd
}

func (c *client) showPartition(p *partitionRecord) error {
	return show(c.out, c.output, p,
		func() [][]string { return [][]string{partitionHeader, partitionRow(p.Fields)} })
}

func partitionCreateCommand(c *client) *cobra.Command {
	var (
		id       int32
		replicas string
	)
	cmd := &cobra.Command{
		Use:   "create TOPIC [--id ID] [--replicas IDS]",
		Short: "Add a partition to a topic",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0]}
			if cmd.Flags().Changed("id") {
				body["partitionId"] = id
			}
			if cmd.Flags().Changed("replicas") {
				ids, err := parseIDs(replicas)
				if err != nil {
					return err
				}
				body["replicas"] = ids
			}
			var p partitionRecord
			if err := c.change(cmd.Context(), "adding a partition to "+args[0], "/v1/create_partition", body,
				&p); err != nil {
				return err
			}
			return c.showPartition(&p)
		},
	}
	cmd.Flags().Int32Var(&id, "id", 0,
		"id of the new partition; only the next one is possible, which is the default")
	cmd.Flags().StringVar(&replicas, "replicas", "",
		"brokers that hold it, such as 1,2,3; chosen by the controller if absent")
	c.dryRunFlag(cmd)
	c.completeArgs(cmd, topicNames)
	return cmd
}

func replicaCommand(c *client, name, path, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " TOPIC PARTITION BROKER", Short: short, Args: args(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			partition, err := number(args[1], "a partition's id")
			if err != nil {
				return err
			}
			broker, err := number(args[2], "a broker's id")
			if err != nil {
				return err
			}
			var p partitionRecord
			body := map[string]any{"name": args[0], "partitionId": partition, "brokerId": broker}
			if err := c.change(cmd.Context(), "moving "+args[0]+"-"+args[1], path, body, &p); err != nil {
				return err
			}
			return c.showPartition(&p)
		},
	}
	c.dryRunFlag(cmd)
	c.completeArgs(cmd, topicNames, nil, brokerIDs)
	return cmd
}

func producerCommand() *cobra.Command {
	c := new(client)
	cmd := group("producer", "Allocate blocks of producer ids")
	c.flags(cmd)
	var epoch int64
	register := &cobra.Command{
		Use:   "register BROKER [--epoch EPOCH]",
		Short: "Allocate the next block of producer ids to a broker",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.broker(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("epoch") {
				epoch = b.Fields.Epoch
			}
			var answer struct {
				httpapi.Record[httpapi.ProducerIDsFields]
				ProducerID int64 `json:"producerId"`
				Length     int32 `json:"length"`
			}
			body := map[string]any{"brokerId": b.Fields.BrokerID, "brokerEpoch": epoch}
			if err := c.change(cmd.Context(), "asking for producer ids", "/v1/register_producer", body,
				&answer); err != nil {
				return err
			}
			return show(c.out, c.output, answer, func() [][]string {
				return [][]string{
					{"BROKER", "FIRST", "LENGTH"}, row(answer.Fields.BrokerID, answer.ProducerID, answer.Length),
				}
			})
		},
	}
	register.Flags().Int64Var(&epoch, "epoch", 0,
		"epoch of the broker's registration; the current one if absent")
	c.dryRunFlag(register)
	c.completeArgs(register, brokerIDs)
	cmd.AddCommand(register)
	return cmd
}
