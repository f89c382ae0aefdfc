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

// show prints an answer in the form asked for; table is what people get.
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

// showYAML goes by way of JSON: so both have the same names and the same order.
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

// plain takes the style of JSON from a document.
func plain(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, c := range n.Content {
		plain(c)
	}
}

// cell is a value in a table.
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

// row makes a table's row of values.
func row(values ...any) []string {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = cell(v)
	}
	return cells
}

// args checks the number of arguments and says how the command is used.
func args(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return &exitError{
				exitUsage,
				fmt.Errorf("%d arguments were given and %d are wanted: yakt %s", len(args), n, usage(cmd)),
			}
		}
		return nil
	}
}

func usage(cmd *cobra.Command) string { return strings.TrimPrefix(cmd.UseLine(), "yakt ") }
