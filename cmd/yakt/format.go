package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/metadata"
)

func formatCommand() *cobra.Command {
	var (
		s        settings
		f        node.Format
		features []string
	)
	cmd := &cobra.Command{
		Use:   "format --config FILE [--cluster-id ID] [--standalone | --initial-controllers LIST]",
		Short: "Format the directories of a new node",
		Long: `Format the directories that the configuration names, as kafka-storage format does. Only
directories that are missing or empty are formatted. All nodes of a cluster, brokers too, have the
same cluster id; without --cluster-id a new one is generated and printed.

A static quorum has its voters in controller.quorum.voters. The voters of a dynamic quorum are given
by --initial-controllers, with the same list on each of them: id@host:port:directory-id, where a
directory id is 22 letters of base64 of your choice. --standalone makes this node the only voter.
This release cannot add nodes to a quorum.

A new cluster starts at metadata.version ` + metadata.LatestVersion.String() +
			`, which all of its brokers must
support: those of Kafka ` + metadata.LatestVersion.Release() +
			` do. For older brokers give their release, such as --release-version 4.3.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if f.Features, err = parseFeatures(features); err != nil {
				return &exitError{exitUsage, err}
			}
			f.Out = cmd.OutOrStdout()
			_, err = node.FormatStorage(cfg, f)
			return err
		},
	}
	s.flags(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.ClusterID, "cluster-id", "t", "", "cluster id, any text; "+
		"generated if absent")
	flags.BoolVarP(&f.Standalone, "standalone", "s", false,
		"this node alone is the first voter set of a dynamic quorum")
	flags.StringVarP(&f.InitialControllers, "initial-controllers", "I", "",
		"first voter set of a dynamic quorum: id@host:port:directory-id,…")
	flags.BoolVarP(&f.NoInitial, "no-initial-controllers", "N", false, "refused: this release "+
		"cannot add a node to a quorum")
	flags.StringVarP(&f.ReleaseVersion, "release-version", "r", "",
		"metadata.version of a new cluster, such as 4.3 (default "+metadata.LatestVersion.String()+
			", which needs brokers of Kafka "+metadata.LatestVersion.Release()+")")
	flags.StringArrayVarP(&features, "feature", "f", nil,
		"level of a feature of a new cluster, as name=level; may be repeated")
	flags.StringArrayVarP(&f.Scram, "add-scram", "S", nil, "SCRAM credential of a new cluster, as "+
		"SCRAM-SHA-512=[name=alice,password=secret]; the same on all controllers that authenticate "+
		"at each other by it; may be repeated")
	flags.BoolVarP(&f.IgnoreFormatted, "ignore-formatted", "g", false,
		"skip directories that are already formatted")
	return cmd
}

func parseFeatures(list []string) (map[string]int16, error) {
	levels := make(map[string]int16, len(list))
	for _, text := range list {
		name, level, ok := strings.Cut(text, "=")
		if ok && name == metadata.FeatureMetadata {
			v, err := metadata.ParseVersion(level)
			if err != nil {
				return nil, err
			}
			level = strconv.Itoa(int(v))
		}
		n, err := strconv.ParseInt(level, 10, 16)
		if !ok || err != nil {
			return nil, fmt.Errorf("--feature %q is not of the form name=level", text)
		}
		levels[name] = int16(n)
	}
	return levels, nil
}
