package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show a configuration"}
	cmd.AddCommand(configCheckCommand(), configPrintCommand())
	return cmd
}

func configCheckCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Say what is wrong with a configuration, all at once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "The %v is valid.\n", cfg)
			}
			return err
		},
	}
	s.flags(cmd)
	return cmd
}

func configPrintCommand() *cobra.Command {
	var (
		s      settings
		output string
	)
	cmd := &cobra.Command{
		Use:   "print --config FILE",
		Short: "Print every key with its value and where it came from; secrets are hidden",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printSettings(cmd.OutOrStdout(), cfg.Describe(), output)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

func printSettings(w io.Writer, settings []config.Setting, output string) error {
	switch output {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(settings)
	case "table":
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "KEY\tVALUE\tSOURCE")
		for _, s := range settings {
			fmt.Fprintf(t, "%s\t%s\t%s\n", s.Key, s.Value, s.Source)
		}
		return t.Flush()
	}
	return &exitError{exitUsage, fmt.Errorf("-o %q is neither table nor json", output)}
}
