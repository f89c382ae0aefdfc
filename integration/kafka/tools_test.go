package kafka

import (
	"archive/zip"
	"path/filepath"
	"strings"
	"testing"
)

// Every release under test has the main class of every tool: tools move between releases.
func TestEveryReleaseHasItsTools(t *testing.T) {
	t.Parallel()
	for _, version := range Releases {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			have := classesOf(t, Resolve(t, version))
			for _, class := range []string{
				TopicCommand, FeatureCommand, MetadataQuorumCommand, ClusterTool,
				LeaderElectionCommand, ReassignPartitionsCommand, AclCommand, ClientMetricsCommand,
				DelegationTokenCommand, BrokerAPIVersionsCommand, StorageTool,
				DumpLogSegments(version), ConfigCommand(version), serverClass,
			} {
				if !have[class] {
					t.Errorf("no class %s", class)
				}
			}
			if version == ShellRelease && !have[MetadataShell] {
				t.Error("no kafka-metadata-shell")
			}
		})
	}
}

// classesOf are the names of all classes in a release's own jars.
func classesOf(t *testing.T, r *Release) map[string]bool {
	t.Helper()
	jars, err := filepath.Glob(filepath.Join(r.Dir, "kafka*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]bool)
	for _, jar := range jars {
		z, err := zip.OpenReader(jar)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, f := range z.File {
			if class, ok := strings.CutSuffix(f.Name, ".class"); ok {
				have[strings.ReplaceAll(class, "/", ".")] = true
			}
		}
	}
	return have
}
