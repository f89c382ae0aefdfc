package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/cmd/yakt/node"
)

func storageCommand() *cobra.Command {
	return group("storage", "Inspect a node's directory", storageCheckCommand())
}

func storageCheckCommand() *cobra.Command {
	var (
		s           settings
		dir, output string
	)
	cmd := &cobra.Command{
		Use:   "check --config FILE [--dir DIR]",
		Short: "Show what a metadata log directory holds and whether a node can start on it",
		Long: `Show what a metadata log directory holds and whether a node can start on it with this
configuration. Nothing is changed. If it cannot, the exit code is 1, and the message says why and
what to do. If it can, the log is replayed, and records that Kafka's brokers do not accept are
listed: yakt heal removes them from a running quorum.`,
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if dir != "" {
				cfg.Storage.MetadataLogDir, cfg.Storage.LogDirs = dir, []string{dir}
			}
			report, err := node.CheckStorage(cfg)
			if err != nil {
				return err
			}
			rows := func() [][]string { return storageRows(report) }
			if err := show(cmd.OutOrStdout(), output, report, rows); err != nil || report.Fit {
				return err
			}
			return errors.New(report.Problem)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "directory to inspect, instead of the configured one")
	outputFlag(cmd, &output)
	return cmd
}

func storageRows(r *node.StorageReport) [][]string {
	nodeID := ""
	if r.NodeID != nil {
		nodeID = fmt.Sprint(*r.NodeID)
	}
	rows := [][]string{
		row("DIRECTORY", r.Directory), row("KIND", string(r.Kind)), row("FIT TO START", r.Fit),
		row("CLUSTER ID", r.ClusterID), row("NODE ID", nodeID), row("DIRECTORY ID", r.DirectoryID),
		row("LOG INCARNATION", r.Incarnation), row("STARTED BEFORE", r.Started),
		row("LOG FILES", r.LogFiles),
		row("SNAPSHOTS", len(r.Snapshots)), row("FORMATTED VOTERS", r.Voters),
	}
	for _, w := range r.Warnings {
		rows = append(rows, row("WARNING", w))
	}
	if r.Poisoned > 0 {
		rows = append(rows, row("POISONED", fmt.Sprintf("%d: every broker that reads one exits; "+
			"start the node, then see yakt heal --help", r.Poisoned)))
	}
	for _, p := range r.Poison {
		rows = append(rows, row("POISON", p))
	}
	for _, name := range r.ApacheFiles {
		rows = append(rows, row("APACHE FILE", name))
	}
	for _, name := range r.OtherFiles {
		rows = append(rows, row("OTHER FILE", name))
	}
	return rows
}
