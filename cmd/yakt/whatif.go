package main

import (
	"errors"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func whatIfCommand() *cobra.Command {
	c := new(client)
	var kill []string
	var what string
	limit := 0
	cmd := &cobra.Command{
		Use:   "what-if --kill IDS",
		Short: "Show which partitions would lose their leaders if brokers failed",
		Long: `Show what would happen if brokers failed, one after the other in the order given: which
partitions would have another leader, fall under min.insync.replicas, or go offline. It is computed
from the present state by the controller's own rules, and changes nothing.

To see what a change by an operator would do, use --dry-run with it: yakt broker unregister, yakt
broker change --status FENCED, yakt partition reassign.`,
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ids := strings.Join(kill, ",")
			if _, err := parseIDs(ids); err != nil {
				return err
			}
			query := url.Values{"kill": {ids}, "show": {what}}
			var first *httpapi.WhatIf
			effects, err := pages(cmd.Context(), c, "computing the effects", "/v1/what_if", query, limit,
				func(p *httpapi.WhatIf) ([]httpapi.PartitionEffect, httpapi.Page) {
					if first == nil {
						first = p
					}
					return p.Partitions, p.Page
				})
			if err != nil {
				return err
			}
			if first == nil {
				return errors.New("the node gave no answer")
			}
			first.Partitions, first.NextCursor = effects, ""
			return show(c.out, c.output, first, func() [][]string { return whatIfTable(first) })
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&kill, "kill", nil, "ids of the brokers that fail, such as 1001,1002")
	f.StringVar(&what, "show", "affected",
		"which partitions to list: affected, changed, leader, offline or underMinISR")
	f.IntVar(&limit, "limit", 100, "list at most so many partitions; 0: all")
	_ = cmd.MarkFlagRequired("kill")
	c.flags(cmd)
	c.completeFlag(cmd, "kill", brokerIDs)
	c.completeFlag(cmd, "show", oneOf("affected", "changed", "leader", "offline", "underMinISR"))
	return cmd
}

func whatIfTable(w *httpapi.WhatIf) [][]string {
	rows := impactRows(&w.Impact)[1:]
	if len(w.Partitions) == 0 {
		return rows
	}
	rows = append(rows, []string{}, []string{
		"TOPIC", "PARTITION", "LEADER", "NEW LEADER", "ISR", "NEW ISR", "MIN ISR", "EFFECT",
	})
	for _, p := range w.Partitions {
		rows = append(rows, row(p.Topic, p.PartitionID, p.Leader, p.NewLeader, p.ISR, p.NewISR,
			p.MinISR, effectOf(&p)))
	}
	return rows
}

// effectOf names what becomes of a partition, the worst first.
func effectOf(p *httpapi.PartitionEffect) string {
	var effects []string
	for _, e := range []struct {
		name string
		is   bool
	}{
		{"offline", p.Offline}, {"unclean election", p.Unclean}, {"under min ISR", p.UnderMinISR},
		{"new leader", p.Leader != p.NewLeader && p.NewLeader >= 0},
	} {
		if e.is {
			effects = append(effects, e.name)
		}
	}
	return strings.Join(effects, ", ")
}
