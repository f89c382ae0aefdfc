package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func healCommand() *cobra.Command {
	c := new(client)
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "heal [--dry-run]",
		Short: "Remove records from the log that Kafka's brokers do not accept",
		Long: `Remove records from the metadata log that Kafka's brokers do not accept. Earlier releases
wrote such records, and every broker that reads one exits. They are replaced or removed, and every
node then starts its log behind them. Nothing else changes. Upgrade all nodes first: older ones do
not take part.

Brokers that have such a record on their own disks do not start until it is gone from there, too:
see docs/healing.md.`,
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var h httpapi.Healing
			body := map[string]bool{"dryRun": dryRun}
			if err := c.change(cmd.Context(), "healing", "/v1/heal", body, &h); err != nil {
				return err
			}
			return show(c.out, c.output, h, func() [][]string { return healRows(&h) })
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false,
		"list the records and what would be done, and change nothing")
	c.flags(cmd)
	return cmd
}

func healRows(h *httpapi.Healing) [][]string {
	if h.Total == 0 {
		return [][]string{{"There is nothing to heal."}}
	}
	rows := [][]string{{"OFFSET", "RECORD", "ACTION", "WHAT", "PROBLEM"}}
	for _, p := range h.Poison {
		rows = append(rows, row(p.Offset, p.Type, p.Action, p.Entity, p.Problem))
	}
	if more := h.Total - len(h.Poison); more > 0 {
		rows = append(rows, []string{fmt.Sprintf("and %d more", more)})
	}
	if h.DryRun {
		return append(rows, nil, []string{"Nothing was done: run yakt heal without --dry-run."})
	}
	done := fmt.Sprintf("Healed. Every node's log will start at offset %d or later: log_readable in "+
		"its /readyz says when.", h.CutBefore)
	return append(rows, nil, []string{done})
}
