package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// pageSize is how many elements a command asks for at a time.
const pageSize = 1000

// pages reads a list that a node answers in pages of type P; elements returns those of one page. It
// ends after limit elements if that is positive.
func pages[P, E any](
	ctx context.Context, c *client, what, path string, query url.Values, limit int,
	elements func(*P) ([]E, httpapi.Page),
) ([]E, error) {
	all := []E{}
	query.Set("limit", strconv.Itoa(pageSize))
	err := progress(c.errOut, what, func() error {
		for {
			var p P
			if err := c.get(ctx, path, query, &p); err != nil {
				return err
			}
			list, page := elements(&p)
			all = append(all, list...)
			if limit > 0 && len(all) >= limit {
				all = all[:limit]
				return nil
			}
			if page.NextCursor == "" {
				return nil
			}
			query.Set("cursor", string(page.NextCursor))
		}
	})
	return all, err
}

// listFlags are the flags of a list of topics or partitions.
type listFlags struct {
	prefix, glob, with string
	internal           string
	limit              int
}

func (l *listFlags) add(cmd *cobra.Command, states []string) {
	f := cmd.Flags()
	f.StringVar(&l.prefix, "prefix", "", "only topics whose names begin with this")
	f.StringVar(&l.glob, "glob", "",
		"only topics whose names match this: * stands for any characters, ? for one")
	f.StringVar(&l.internal, "internal", "", "true: only Kafka's internal topics; false: only others")
	f.StringVar(&l.with, "with", "", "only with partitions in this state: "+listOf(states))
	f.IntVar(&l.limit, "limit", 0, "at most so many; 0: all")
}

// query is the parameters that the flags set.
func (l *listFlags) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"prefix": l.prefix, "glob": l.glob, "internal": l.internal, "with": l.with,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// listOf joins words: a, b or c.
func listOf(words []string) string {
	text := ""
	for i, w := range words {
		switch i {
		case 0:
		case len(words) - 1:
			text += " or "
		default:
			text += ", "
		}
		text += w
	}
	return text
}
