package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func outputFlag(cmd *cobra.Command, output *string) {
	cmd.PersistentFlags().StringVarP(output, "output", "o", "table", "table, json or yaml")
}

func checkOutput(output string) error {
	switch output {
	case "table", "json", "yaml":
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("-o %q is none of table, json and yaml", output)}
}

// show prints an answer as JSON or YAML, or as the table.
func show(w io.Writer, output string, answer any, table func() [][]string) error {
	switch output {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(answer)
	case "yaml":
		return showYAML(w, answer)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range table() {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// showYAML converts by way of JSON, so that both formats have the same names in the same order.
func showYAML(w io.Writer, answer any) error {
	data, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		return err
	}
	plain(&n)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	defer enc.Close()
	return enc.Encode(&n)
}

// plain removes the flow style and the quotes of JSON from a document.
func plain(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, c := range n.Content {
		plain(c)
	}
}

// cell formats a value for a table; - stands for an empty one.
func cell(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "-"
		}
		return v
	case []int32:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]") + emptyDash(len(v))
	}
	return fmt.Sprint(v)
}

func emptyDash(n int) string {
	if n == 0 {
		return "-"
	}
	return ""
}

// row formats values as one row of a table.
func row(values ...any) []string {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = cell(v)
	}
	return cells
}

// args returns a check for exactly n arguments; its error shows how the command is used.
func args(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return &exitError{
				exitUsage,
				fmt.Errorf("got %d arguments, want %d: yakt %s", len(args), n, usage(cmd)),
			}
		}
		return nil
	}
}

func usage(cmd *cobra.Command) string { return strings.TrimPrefix(cmd.UseLine(), "yakt ") }
