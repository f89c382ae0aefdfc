package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// logPart is the answer of /v1/records: the records of [FromOffset, EndOffset).
type logPart struct {
	FromOffset     int64                     `json:"fromOffset"`
	EndOffset      int64                     `json:"endOffset"`
	LogStartOffset int64                     `json:"logStartOffset"`
	HighWatermark  int64                     `json:"highWatermark"`
	Records        []httpapi.Record[rawJSON] `json:"records"`
}

// upTo drops the records after an offset.
func (p *logPart) upTo(last int64) {
	if p.EndOffset <= last {
		return
	}
	p.EndOffset = last + 1
	for n := len(p.Records); n > 0 && p.Records[n-1].Offset > last; n-- {
		p.Records = p.Records[:n-1]
	}
}

func logCommand() *cobra.Command {
	c := new(client)
	cmd := group("log", "Show the metadata log")
	c.flags(cmd)
	cmd.AddCommand(logDumpCommand(c), logTailCommand(c))
	return cmd
}

func logDumpCommand(c *client) *cobra.Command {
	var from, to int64
	cmd := &cobra.Command{
		Use: "dump [--from N] [--to N]", Short: "Print the records of the log", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("to") {
				to = math.MaxInt64 - 1
			}
			if !cmd.Flags().Changed("from") {
				q, err := c.quorum(cmd.Context(), "asking where the log starts")
				if err != nil {
					return err
				}
				from = q.LogStart
			}
			return c.dumpLog(cmd.Context(), from, to)
		},
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first offset; the oldest if absent")
	cmd.Flags().Int64Var(&to, "to", 0, "last offset; the newest if absent")
	return cmd
}

// dumpLog prints the records of the offsets from first to last, page by page.
func (c *client) dumpLog(ctx context.Context, first, last int64) error {
	for from := first; from <= last; {
		var p logPart
		what := fmt.Sprintf("reading the log at offset %d", from)
		query := url.Values{"from": {strconv.FormatInt(from, 10)}}
		if err := c.ask(ctx, what, "/v1/records", query, &p); err != nil {
			return err
		}
		p.upTo(last)
		if len(p.Records) == 0 {
			return nil
		}
		if err := c.showRecords(p, p.Records); err != nil {
			return err
		}
		from = p.EndOffset
	}
	return nil
}

func logTailCommand(c *client) *cobra.Command {
	var n int64
	cmd := &cobra.Command{
		Use:   "tail [-n N]",
		Short: "Print the last records of the log, and new ones until interrupted",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 0 {
				return &exitError{exitUsage, fmt.Errorf("-n %d is not a number of records", n)}
			}
			ctx, cancel := untilInterrupted(cmd)
			defer cancel()
			q, err := c.quorum(ctx, "asking where the log ends")
			if err != nil {
				return err
			}
			return unless(ctx, c.followLog(ctx, max(q.LogStart, q.HighWatermark-n)))
		},
	}
	cmd.Flags().Int64VarP(&n, "lines", "n", 10, "how many existing records to print first")
	return cmd
}

// followLog prints the records from an offset on, and then those that are appended, until ctx is
// done.
func (c *client) followLog(ctx context.Context, from int64) error {
	for {
		var p logPart
		query := url.Values{"from": {strconv.FormatInt(from, 10)}, "wait": {c.followWait()}}
		if err := c.get(ctx, "/v1/records", query, &p); err != nil {
			return err
		}
		if err := c.showRecords(p, p.Records); err != nil {
			return err
		}
		from = p.EndOffset
	}
}
