package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/protocol"
)

// resourceArgs is how the commands about configs name a resource.
const resourceArgs = "{topic|broker|group|client-metrics} NAME"

func configsCommand() *cobra.Command {
	c := new(client)
	cmd := group("configs", "Show and change configs of topics, brokers, groups and subscriptions")
	c.flags(cmd)
	cmd.AddCommand(configsDescribeCommand(c), configsAlterCommand(c))
	return cmd
}

func configsDescribeCommand(c *client) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "describe " + resourceArgs + " [--all]",
		Short: "Show the configs of a resource that are set, or all with their defaults",
		Long: `Show the configs of a resource that something sets, or with --all every config with its
value and what it means. NAME is that of a topic, group or client metrics subscription, or the id of
a broker or of the node that is asked; "" are the defaults of all brokers. Secrets are not shown.`,
		Args: args(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r httpapi.ResourceConfigs
			query := url.Values{"type": args[:1]}
			if args[1] != "" {
				query["name"] = args[1:]
			}
			if err := c.ask(cmd.Context(), "asking for the configs of "+args[0]+" "+args[1],
				"/v1/describe_configs", query, &r); err != nil {
				return err
			}
			if !all {
				r.Configs = slices.DeleteFunc(r.Configs, func(e httpapi.ConfigEntry) bool {
					return e.Source == "DEFAULT_CONFIG"
				})
			}
			return show(c.out, c.output, r, func() [][]string { return configRows(r.Configs, all) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that have their defaults")
	c.completeArgs(cmd, oneOf(resourceKinds...), resourceNames)
	return cmd
}

func configRows(configs []httpapi.ConfigEntry, documented bool) [][]string {
	header := []string{"CONFIG", "VALUE", "SOURCE"}
	if documented {
		header = append(header, "MEANING")
	}
	rows := [][]string{header}
	for _, e := range configs {
		value := ""
		switch {
		case e.Sensitive:
			value = protocol.Hidden
		case e.Value != nil:
			value = *e.Value
		}
		line := row(e.Name, value, e.Source)
		if documented {
			line = append(line, e.Documentation)
		}
		rows = append(rows, line)
	}
	return rows
}

// configChange holds the flags of configs alter.
type configChange struct {
	set, add, remove []string // key=value
	unset            []string // keys
}

func configsAlterCommand(c *client) *cobra.Command {
	var change configChange
	cmd := &cobra.Command{
		Use:   "alter " + resourceArgs + " [--set K=V] [--delete K] [--append K=V] [--subtract K=V]",
		Short: "Change configs of a resource, all or none",
		Args:  args(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := change.body(args[0], args[1])
			if err != nil {
				return err
			}
			var changed httpapi.ChangedConfigs
			if err := c.change(cmd.Context(), "changing configs of "+args[0]+" "+args[1],
				"/v1/alter_configs", body, &changed); err != nil {
				return err
			}
			return show(c.out, c.output, changed, func() [][]string { return changeRows(changed) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&change.set, "set", nil, "value to set, as key=value; may be repeated")
	f.StringArrayVar(&change.unset, "delete", nil, "key to remove; may be repeated")
	f.StringArrayVar(&change.add, "append", nil, "words to add to a list, as key=a,b")
	f.StringArrayVar(&change.remove, "subtract", nil, "words to remove from a list, as key=a,b")
	c.dryRunFlag(cmd)
	for _, flag := range []string{"set", "append", "subtract"} {
		c.completeFlag(cmd, flag, configKeys("", "="))
	}
	c.completeFlag(cmd, "delete", configKeys("", ""))
	c.completeArgs(cmd, oneOf(resourceKinds...), resourceNames)
	return cmd
}

func (ch *configChange) body(kind, name string) (map[string]any, error) {
	body := map[string]any{"type": kind, "name": name}
	for field, pairs := range map[string][]string{
		"set": ch.set, "append": ch.add, "subtract": ch.remove,
	} {
		values := map[string]string{}
		for _, pair := range pairs {
			key, value, ok := strings.Cut(pair, "=")
			if !ok {
				return nil, usageError("--%s %q is not key=value", field, pair)
			}
			values[key] = value
		}
		if len(values) > 0 {
			body[field] = values
		}
	}
	if len(ch.unset) > 0 {
		body["delete"] = ch.unset
	}
	if len(body) == 2 {
		return nil, usageError("there is nothing to change: use --set, --delete, --append or " +
			"--subtract")
	}
	return body, nil
}

func changeRows(changed httpapi.ChangedConfigs) [][]string {
	if len(changed.Changed) == 0 {
		return [][]string{{"Every config had that value already."}}
	}
	rows := [][]string{{"CONFIG", "NEW VALUE"}}
	for _, c := range changed.Changed {
		value := "(removed)"
		if c.Value != nil {
			value = *c.Value
		}
		rows = append(rows, row(c.Name, value))
	}
	return rows
}

func loggersCommand() *cobra.Command {
	c := new(client)
	cmd := group("loggers", "Show and change what a node logs, while it runs")
	c.flags(cmd)
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "Show the loggers of a node and their levels", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list httpapi.LoggerList
			if err := c.ask(cmd.Context(), "asking for the loggers", "/v1/loggers", nil,
				&list); err != nil {
				return err
			}
			return c.showLoggers(list)
		},
	})
	set := &cobra.Command{
		Use:   "set NAME LEVEL",
		Short: "Change the level of a logger of a node, until the node stops",
		Args:  args(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.setLevel(cmd, map[string]string{
				"logger": args[0], "level": strings.ToUpper(args[1]),
			})
		},
	}
	c.completeArgs(set, loggerNames, oneOf("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
	reset := &cobra.Command{
		Use:   "reset NAME",
		Short: "Give a logger the level of root again, and root that of the configuration",
		Args:  args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.setLevel(cmd, map[string]string{"logger": args[0]})
		},
	}
	c.completeArgs(reset, loggerNames)
	c.dryRunFlag(set)
	c.dryRunFlag(reset)
	cmd.AddCommand(set, reset)
	return cmd
}

func (c *client) setLevel(cmd *cobra.Command, body map[string]string) error {
	var list httpapi.LoggerList
	if err := c.change(cmd.Context(), "changing logger "+body["logger"], "/v1/set_log_level", body,
		&list); err != nil {
		return err
	}
	return c.showLoggers(list)
}

func (c *client) showLoggers(list httpapi.LoggerList) error {
	return show(c.out, c.output, list, func() [][]string {
		rows := [][]string{{"LOGGER", "LEVEL", "WHAT IT LOGS"}}
		for _, l := range list.Loggers {
			level := l.Level
			if !l.Own {
				level += " (of root)"
			}
			rows = append(rows, row(l.Name, level, l.About))
		}
		return rows
	})
}

func usageError(format string, a ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, a...)}
}
