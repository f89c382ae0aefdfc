package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/yakt/yakt/httpapi"
)

// Kinds of resources whose names a node knows.
const (
	kindTopic  = "topic"
	kindBroker = "broker"
)

// resourceKinds are the kinds of resources that have configs.
var resourceKinds = []string{kindTopic, kindBroker, "group", "client-metrics"}

// resourceNames suggests resources of the kind that is the first argument.
func resourceNames(ctx context.Context, c *client, line typed) []string {
	switch line.args[0] {
	case kindTopic:
		return topicNames(ctx, c, line)
	case kindBroker:
		return brokerIDs(ctx, c, line)
	}
	return nil
}

// configKeys suggests keys of configs that can be changed while the nodes run, with their meanings.
// kind is that of the resource; if it is empty, it is the first argument of the line. ending
// follows each key.
func configKeys(kind, ending string) completer {
	return func(ctx context.Context, c *client, line typed) []string {
		kind := kind
		if kind == "" && len(line.args) > 0 {
			kind = line.args[0]
		}
		name, err := c.example(ctx, kind)
		if err != nil {
			return nil
		}
		var r httpapi.ResourceConfigs
		query := url.Values{"type": {kind}, "name": {name}}
		if c.get(ctx, "/v1/describe_configs", query, &r) != nil {
			return nil
		}
		var keys []string
		for _, e := range r.Configs {
			if !e.ReadOnly {
				keys = append(keys, e.Name+ending+"\t"+e.Documentation)
			}
		}
		return keys
	}
}

// example is the name of a resource of a kind. All of a kind have the same keys, and the one that
// is named in the line need not exist yet. Of brokers it is the node that is asked, which describes
// every key; what a node describes of another broker is only what was set.
func (c *client) example(ctx context.Context, kind string) (string, error) {
	switch kind {
	case kindTopic:
		var page httpapi.TopicPage
		err := c.get(ctx, "/v1/topics", url.Values{"limit": {"1"}}, &page)
		if len(page.Topics) == 0 {
			return "", err
		}
		return page.Topics[0].Name, nil
	case kindBroker:
		var s httpapi.Status
		err := c.get(ctx, "/v1/status", nil, &s)
		return strconv.Itoa(int(s.NodeID)), err
	}
	return "any", nil // groups and subscriptions need not exist
}
