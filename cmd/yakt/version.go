package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/metadata"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "development"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary and the Kafka versions that it supports",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(),
				"yakt %s%s\nmetadata.version %v to %v (Apache Kafka %s)\n%s %s/%s\n", version, revision(),
				metadata.MinVersion, metadata.LatestVersion, metadata.LatestVersion.Release(),
				runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return " (" + s.Value[:12] + ")"
		}
	}
	return ""
}
