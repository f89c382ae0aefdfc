package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// rawJSON is JSON whose form is known later.
type rawJSON struct{ json.RawMessage }

func (r rawJSON) into(v any) error { return json.Unmarshal(r.RawMessage, v) }

// news is the answer of a feed.
type news struct {
	Kind       string                    `json:"kind"`
	FromOffset int64                     `json:"fromOffset"`
	EndOffset  int64                     `json:"endOffset"`
	Epoch      int32                     `json:"epoch"`
	Timestamp  string                    `json:"timestamp"`
	Records    []httpapi.Record[rawJSON] `json:"records"`
}

// followWait is how long each request of a following command waits for news.
const followWait = "20s"

func feedCommand() *cobra.Command {
	c := new(client)
	var (
		clients, follow bool
		broker          int64
		offset          int64
	)
	cmd := &cobra.Command{
		Use: "feed (--client | --broker ID) [--offset N] [--follow]", Short: "Show what changed, as clients or brokers see it", Args: args(0),
		Long: `Show what changed since an offset, or the whole state without one.

--client shows topics, partitions and brokers. --broker sends that broker's heartbeat, too: it brings a registered
broker to life and, with --follow, keeps it alive.`,
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&clients, "client", false, "as clients see it")
	f.Int64Var(&broker, "broker", -1, "as this broker sees it, and its heartbeat")
	f.Int64Var(&offset, "offset", -1, "offset of the last record that is known already")
	f.BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	cmd.MarkFlagsMutuallyExclusive("client", "broker")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !clients && broker < 0 {
			return &exitError{exitUsage, fmt.Errorf("say whose feed: --client or --broker ID")}
		}
		ctx, cancel := untilInterrupted(cmd)
		defer cancel()
		path, query := "/v1/client_mgmt", url.Values{}
		if !clients {
			b, err := c.broker(ctx, strconv.FormatInt(broker, 10))
			if err != nil {
				return err
			}
			path = "/v1/broker_mgmt"
			query.Set("brokerId", strconv.FormatInt(broker, 10))
			query.Set("epoch", strconv.FormatInt(b.Fields.Epoch, 10))
		}
		return c.feed(ctx, path, query, offset, follow)
	}
	return cmd
}

func untilInterrupted(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
}

func (c *client) feed(ctx context.Context, path string, query url.Values, offset int64, follow bool) error {
	for {
		if offset >= 0 {
			query.Set("offset", strconv.FormatInt(offset, 10))
		}
		var n news
		if err := c.get(ctx, path, query, &n); err != nil {
			return unless(ctx, err)
		}
		if n.Kind == "snapshot" && offset >= 0 {
			fmt.Fprintln(c.errOut, "yakt: too far behind: what follows is the whole state")
		}
		if err := c.showRecords(n, n.Records); err != nil || !follow {
			return err
		}
		offset = n.EndOffset
		query.Set("wait", followWait)
	}
}

// unless is an error, or none when the command was interrupted, which is how it ends.
func unless(interrupted context.Context, err error) error {
	select {
	case <-interrupted.Done():
		return nil
	default:
		return err
	}
}

// get is call for what is meant to take its time.
func (c *client) get(ctx context.Context, path string, query url.Values, answer any) error {
	resp, err := c.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer)
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
		if _, err := fmt.Fprintf(c.out, "%10d  %3d  %s  %-30s  %s\n", r.Offset, r.Epoch, r.Timestamp, r.Name, inWords(fields)); err != nil {
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
