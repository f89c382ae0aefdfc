package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/config"
)

func configCommand() *cobra.Command {
	return group("config", "Check and show a configuration", configCheckCommand(),
		configPrintCommand())
}

func configCheckCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Check a configuration and list everything that is wrong with it",
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
		Short: "Print every key with its value and its source; secrets are hidden",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printSettings(cmd.OutOrStdout(), cfg.Describe(), output)
		},
	}
	s.flags(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func printSettings(w io.Writer, settings []config.Setting, output string) error {
	return show(w, output, settings, func() [][]string {
		rows := [][]string{{"KEY", "VALUE", "SOURCE"}}
		for _, s := range settings {
			rows = append(rows, []string{s.Key, s.Value, s.Source})
		}
		return rows
	})
}
