package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func quorumCommand() *cobra.Command {
	c := new(client)
	cmd := group("quorum", "Show the state of the controller quorum")
	c.flags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use:   "status",
		Short: "Show the leader, and how far each voter and observer has got",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := c.quorumStatus(cmd.Context())
			if err != nil {
				return err
			}
			return show(c.out, c.output, q, func() [][]string { return quorumTable(q) })
		},
	})
	return cmd
}

// quorumStatus returns the leader's view of the quorum or, without a leader, the view of the node
// that was asked.
func (c *client) quorumStatus(ctx context.Context) (*httpapi.Quorum, error) {
	q := new(httpapi.Quorum)
	query := url.Values{"consistency": {"linearizable"}}
	err := c.ask(ctx, "asking the leader", "/v1/quorum", query, q)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok {
		fmt.Fprintf(c.errOut, "yakt: %v\nyakt: this is only what the node that was asked knows\n", p)
		return c.quorum(ctx, "asking the node")
	}
	return q, err
}

// quorum returns the view of the node that is asked.
func (c *client) quorum(ctx context.Context, what string) (*httpapi.Quorum, error) {
	q := new(httpapi.Quorum)
	return q, c.ask(ctx, what, "/v1/quorum", nil, q)
}

func quorumTable(q *httpapi.Quorum) [][]string {
	rows := [][]string{
		row("LEADER", leaderName(q.LeaderID)), row("EPOCH", q.LeaderEpoch), row("WHY", q.LeaderReason),
		row("HIGH WATERMARK", q.HighWatermark),
		row("LOG", fmt.Sprintf("%d to %d", q.LogStart, q.LogEnd)), {},
		{"VOTER", "DIRECTORY", "LOG END", "LAG", "LAST CAUGHT UP", "CONNECTED", "RTT", "ERROR"},
	}
	for _, v := range q.Voters {
		rows = append(rows, row(v.ID, v.DirectoryID, known(v.LogEnd), known(v.Lag), v.LastCaughtUp,
			v.Connected, fmt.Sprintf("%.1f ms", v.RTTMs), v.LastError))
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

// known formats a number; a negative one is not known.
func known(n int64) string {
	if n < 0 {
		return "?"
	}
	return strconv.FormatInt(n, 10)
}
