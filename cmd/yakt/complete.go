package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// Names are completed in a shell from what a node answers within completeTimeout. Without an answer
// there are no suggestions, and no error: the shell would print it into the line.
const (
	completeTimeout = time.Second
	completeMax     = 200 // suggestions
)

// typed is what is in the line already: the arguments before the one that is completed, and the
// beginning of that.
type typed struct {
	args   []string
	prefix string
}

// completer suggests values. Those that do not begin with the prefix are dropped.
type completer = func(ctx context.Context, c *client, line typed) []string

// completeArgs makes a command suggest its arguments: the i-th completer is for the i-th argument,
// nil for none.
func (c *client) completeArgs(cmd *cobra.Command, each ...completer) {
	cmd.ValidArgsFunction = func(
		cmd *cobra.Command, args []string, prefix string,
	) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(each) || each[len(args)] == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.suggest(cmd, each[len(args)], typed{args, prefix})
	}
}

// completeFlag makes a command suggest the values of a flag.
func (c *client) completeFlag(cmd *cobra.Command, flag string, suggest completer) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func( // an error means that there is no such flag
		cmd *cobra.Command, args []string, prefix string,
	) ([]string, cobra.ShellCompDirective) {
		return c.suggest(cmd, suggest, typed{args, prefix})
	})
}

// oneOf suggests fixed values.
func oneOf(values ...string) completer {
	return func(context.Context, *client, typed) []string { return values }
}

func (c *client) suggest(
	cmd *cobra.Command, suggest completer, line typed,
) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(contextOf(cmd), completeTimeout)
	defer cancel()
	quiet := *c
	quiet.out, quiet.errOut, quiet.timeout = io.Discard, io.Discard, completeTimeout
	quiet.in = nil // no questions
	matches := slices.DeleteFunc(slices.Clone(suggest(ctx, &quiet, line)), func(s string) bool {
		return !strings.HasPrefix(s, line.prefix)
	})
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(matches) > 0 && strings.HasSuffix(strings.Split(matches[0], "\t")[0], "=") {
		directive |= cobra.ShellCompDirectiveNoSpace // a value follows
	}
	return matches, directive
}

// contextOf is the command's context; cobra sets none for completion.
func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// topicNames suggests names of topics.
func topicNames(ctx context.Context, c *client, line typed) []string {
	query := url.Values{"limit": {fmt.Sprint(completeMax)}}
	if line.prefix != "" {
		query.Set("prefix", line.prefix)
	}
	var page httpapi.TopicPage
	if c.get(ctx, "/v1/topics", query, &page) != nil {
		return nil
	}
	var names []string
	for _, t := range page.Topics {
		names = append(names, t.Name)
	}
	return names
}

// loggerNames suggests the loggers of a node.
func loggerNames(ctx context.Context, c *client, _ typed) []string {
	var list httpapi.LoggerList
	if c.get(ctx, "/v1/loggers", nil, &list) != nil {
		return nil
	}
	var names []string
	for _, l := range list.Loggers {
		names = append(names, l.Name+"\t"+l.About)
	}
	return names
}

// brokerIDs suggests ids of registered brokers, with their status and host.
func brokerIDs(ctx context.Context, c *client, _ typed) []string {
	var page httpapi.BrokerPage
	query := url.Values{"limit": {fmt.Sprint(completeMax)}}
	if c.get(ctx, "/v1/brokers", query, &page) != nil {
		return nil
	}
	var ids []string
	for _, b := range page.Brokers {
		ids = append(ids, fmt.Sprintf("%d\t%s %s", b.BrokerID, b.Status, b.RackID))
	}
	return ids
}
