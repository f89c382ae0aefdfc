package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// rawJSON is JSON that is decoded later, when its type is known.
type rawJSON struct{ json.RawMessage }

func (r rawJSON) into(v any) error { return json.Unmarshal(r.RawMessage, v) }

// news is the answer of a feed: the whole state, or the changes since an offset.
type news struct {
	Kind       string                    `json:"kind"`
	FromOffset int64                     `json:"fromOffset"` // -1 for the whole state
	EndOffset  int64                     `json:"endOffset"`  // offset of the last record
	Epoch      int32                     `json:"epoch"`
	Timestamp  string                    `json:"timestamp"`
	Records    []httpapi.Record[rawJSON] `json:"records"`
}

// followWait is how long a node may hold back the answer to a request that waits for changes: less
// than this command waits for an answer.
func (c *client) followWait() string {
	wait := 20 * time.Second
	if c.timeout > 0 {
		wait = min(wait, c.timeout*2/3)
	}
	return fmt.Sprintf("%dms", wait.Milliseconds())
}

// feedArgs select a feed and where it starts.
type feedArgs struct {
	clients, follow bool
	broker, offset  int64 // -1: none
}

func feedCommand() *cobra.Command {
	c, a := new(client), feedArgs{}
	cmd := &cobra.Command{
		Use:   "feed (--client | --broker ID) [--offset N] [--follow]",
		Short: "Show what changed, as clients or brokers see it",
		Args:  args(0),
		Long: `Show what changed since an offset, or the whole state without one.

--client shows topics, partitions and brokers. --broker also sends that broker's heartbeat, which
unfences a registered broker and, with --follow, keeps its session alive.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for name, value := range map[string]*int64{"broker": &a.broker, "offset": &a.offset} {
				if !cmd.Flags().Changed(name) {
					*value = -1
				} else if *value < 0 {
					return &exitError{exitUsage, fmt.Errorf("--%s %d is less than 0", name, *value)}
				}
			}
			if !a.clients && a.broker < 0 {
				return &exitError{exitUsage, errors.New("say whose feed: --client or --broker ID")}
			}
			ctx, cancel := untilInterrupted(cmd)
			defer cancel()
			return unless(ctx, c.feed(ctx, a))
		},
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&a.clients, "client", false, "as clients see it")
	f.Int64Var(&a.broker, "broker", 0, "as this broker sees it; sends its heartbeat")
	f.Int64Var(&a.offset, "offset", 0, "offset of the last record that you already have")
	f.BoolVarP(&a.follow, "follow", "f", false, "keep following until interrupted")
	cmd.MarkFlagsMutuallyExclusive("client", "broker")
	return cmd
}

func untilInterrupted(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
}

func (c *client) feed(ctx context.Context, a feedArgs) error {
	path, query := "/v1/client_mgmt", url.Values{}
	if !a.clients {
		id := strconv.FormatInt(a.broker, 10)
		b, err := c.broker(ctx, id)
		if err != nil {
			return err
		}
		path = "/v1/broker_mgmt"
		query.Set("brokerId", id)
		query.Set("epoch", strconv.FormatInt(b.Fields.Epoch, 10))
	}
	for offset := a.offset; ; {
		if offset >= 0 {
			query.Set("offset", strconv.FormatInt(offset, 10))
		}
		var n news
		if err := c.get(ctx, path, query, &n); err != nil {
			return err
		}
		if n.Kind == "snapshot" && offset >= 0 {
			fmt.Fprintf(c.errOut, "yakt: the node does not have the changes since offset %d; "+
				"what follows is the whole state\n", offset)
		}
		if err := c.showRecords(n, n.Records); err != nil || !a.follow {
			return err
		}
		offset = n.EndOffset
		query.Set("wait", c.followWait())
	}
}

// unless returns err, or nil after an interrupt, which is how such commands end.
func unless(interrupted context.Context, err error) error {
	select {
	case <-interrupted.Done():
		return nil
	default:
		return err
	}
}

// showRecords prints a line for each record; as JSON and YAML the whole answer, one document each.
func (c *client) showRecords(answer any, records []httpapi.Record[rawJSON]) error {
	switch c.output {
	case "json":
		enc := json.NewEncoder(c.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(answer)
	case "yaml":
		if _, err := io.WriteString(c.out, "---\n"); err != nil {
			return err
		}
		return showYAML(c.out, answer)
	}
	for _, r := range records {
		var fields map[string]json.RawMessage
		_ = r.Fields.into(&fields)
		if _, err := fmt.Fprintf(c.out, "%10d  %3d  %s  %-30s  %s\n", r.Offset, r.Epoch, r.Timestamp,
			r.Name, inWords(fields)); err != nil {
			return err
		}
	}
	return nil
}

// inWords lists fields as name=value.
func inWords(fields map[string]json.RawMessage) string {
	var parts []string
	for _, key := range sortedKeys(fields) {
		parts = append(parts, key+"="+strings.Trim(string(fields[key]), `"`))
	}
	return strings.Join(parts, " ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
