package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func quorumCommand() *cobra.Command {
	c := new(client)
	cmd := group("quorum", "The controllers and how they are doing")
	c.flags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use: "status", Short: "Show who leads, and how far everyone is", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var q httpapi.Quorum
			if err := c.call(cmd.Context(), "asking for the quorum", http.MethodGet, "/v1/quorum", nil, nil, &q); err != nil {
				return err
			}
			return show(c.out, c.output, q, func() [][]string { return quorumTable(&q) })
		},
	})
	return cmd
}

func quorumTable(q *httpapi.Quorum) [][]string {
	rows := [][]string{
		row("LEADER", leaderName(q.LeaderID)), row("EPOCH", q.LeaderEpoch), row("WHY", q.LeaderReason), row("HIGH WATERMARK", q.HighWatermark),
		row("LOG", fmt.Sprintf("%d to %d", q.LogStart, q.LogEnd)), {}, {"VOTER", "DIRECTORY", "LOG END", "LAG", "LAST CAUGHT UP", "CONNECTED", "RTT", "ERROR"},
	}
	for _, v := range q.Voters {
		rows = append(rows, row(v.ID, v.DirectoryID, known(v.LogEnd), known(v.Lag), v.LastCaughtUp, v.Connected, fmt.Sprintf("%.1f ms", v.RTTMs), v.LastError))
	}
	if len(q.Observers) > 0 {
		rows = append(rows, []string{}, []string{"OBSERVER", "", "LOG END", "LAG", "LAST CAUGHT UP"})
	}
	for _, o := range q.Observers {
		rows = append(rows, row(o.ID, "", known(o.LogEnd), known(o.Lag), o.LastCaughtUp))
	}
	return rows
}

func leaderName(id int32) string {
	if id < 0 {
		return "nobody"
	}
	return strconv.Itoa(int(id))
}

// known is a number that may not be known.
func known(n int64) string {
	if n < 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}

// logPart is the answer of /v1/records.
type logPart struct {
	FromOffset     int64                     `json:"fromOffset"`
	EndOffset      int64                     `json:"endOffset"`
	LogStartOffset int64                     `json:"logStartOffset"`
	HighWatermark  int64                     `json:"highWatermark"`
	Records        []httpapi.Record[rawJSON] `json:"records"`
}

func logCommand() *cobra.Command {
	c := new(client)
	cmd := group("log", "Show the metadata log")
	c.flags(cmd)
	cmd.AddCommand(logDumpCommand(c), logTailCommand(c))
	return cmd
}

// page asks for the log from an offset on.
func (c *client) page(cmd *cobra.Command, from int64, query url.Values) (p logPart, err error) {
	query.Set("from", strconv.FormatInt(from, 10))
	err = c.call(cmd.Context(), fmt.Sprintf("reading the log at offset %d", from), http.MethodGet, "/v1/records", query, nil, &p)
	return p, err
}

func logDumpCommand(c *client) *cobra.Command {
	var from, to int64
	cmd := &cobra.Command{
		Use: "dump [--from N] [--to N]", Short: "Print the records of the log", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("from") {
				var q httpapi.Quorum
				if err := c.call(cmd.Context(), "asking where the log starts", http.MethodGet, "/v1/quorum", nil, nil, &q); err != nil {
					return err
				}
				from = q.LogStart
			}
			for {
				p, err := c.page(cmd, from, url.Values{})
				if err != nil {
					return err
				}
				for len(p.Records) > 0 && to >= 0 && p.Records[len(p.Records)-1].Offset > to {
					p.Records = p.Records[:len(p.Records)-1]
				}
				if len(p.Records) == 0 {
					return nil
				}
				if err := c.showRecords(p, p.Records); err != nil {
					return err
				}
				from = p.EndOffset
			}
		},
	}
	cmd.Flags().Int64Var(&from, "from", 0, "first offset; the oldest when absent")
	cmd.Flags().Int64Var(&to, "to", -1, "last offset; the newest when absent")
	return cmd
}

func logTailCommand(c *client) *cobra.Command {
	var n int64
	cmd := &cobra.Command{
		Use: "tail [-n N]", Short: "Print the last records of the log and go on until interrupted", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := untilInterrupted(cmd)
			defer cancel()
			var q httpapi.Quorum
			if err := c.call(ctx, "asking where the log ends", http.MethodGet, "/v1/quorum", nil, nil, &q); err != nil {
				return err
			}
			for from := max(q.LogStart, q.HighWatermark-n); ; {
				var p logPart
				if err := c.get(ctx, "/v1/records", url.Values{"from": {strconv.FormatInt(from, 10)}, "wait": {followWait}}, &p); err != nil {
					return unless(ctx, err)
				}
				if err := c.showRecords(p, p.Records); err != nil {
					return err
				}
				from = p.EndOffset
			}
		},
	}
	cmd.Flags().Int64VarP(&n, "lines", "n", 10, "how many of the last records to begin with")
	return cmd
}
