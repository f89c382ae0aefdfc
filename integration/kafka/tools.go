package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Main classes of Kafka's command line tools, the same in all tested releases.
const (
	TopicCommand              = "org.apache.kafka.tools.TopicCommand"
	FeatureCommand            = "org.apache.kafka.tools.FeatureCommand"
	MetadataQuorumCommand     = "org.apache.kafka.tools.MetadataQuorumCommand"
	ClusterTool               = "org.apache.kafka.tools.ClusterTool"
	LeaderElectionCommand     = "org.apache.kafka.tools.LeaderElectionCommand"
	ReassignPartitionsCommand = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
	AclCommand                = "org.apache.kafka.tools.AclCommand"
	ClientMetricsCommand      = "org.apache.kafka.tools.ClientMetricsCommand"
	DelegationTokenCommand    = "org.apache.kafka.tools.DelegationTokenCommand"
	BrokerAPIVersionsCommand  = "org.apache.kafka.tools.BrokerApiVersionsCommand"
	StorageTool               = "kafka.tools.StorageTool"
	MetadataShell             = "org.apache.kafka.shell.MetadataShell"
)

const toolHeapMB = 192

// DumpLogSegments returns the main class of kafka-dump-log in a release: it moved in 4.3.
func DumpLogSegments(version string) string {
	if before(version, 3) {
		return "kafka.tools.DumpLogSegments"
	}
	return "org.apache.kafka.tools.DumpLogSegments"
}

// ConfigCommand returns the main class of kafka-configs in a release: it moved in 4.4.
func ConfigCommand(version string) string {
	if before(version, 4) {
		return "kafka.admin.ConfigCommand"
	}
	return "org.apache.kafka.tools.ConfigCommand"
}

// before reports whether a release is older than all of 4.minor.
func before(version string, minor int) bool {
	var own int
	if _, err := fmt.Sscanf(version, "4.%d.", &own); err != nil {
		panic(fmt.Sprintf("%q is not a release of Kafka 4", version))
	}
	return own < minor
}

// RunTool runs a tool of a release to its end. The tool's own log goes to a file, not to its
// outputs.
func RunTool(t testing.TB, version, mainClass string, args ...string) ToolResult {
	t.Helper()
	res, err := runTool(t, Patience, version, mainClass, args...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// runTool returns an error if the tool does not end within the given time.
func runTool(
	t testing.TB, within time.Duration, version, mainClass string, args ...string,
) (ToolResult, error) {
	t.Helper()
	dir := t.TempDir()
	log4j2, err := log4j2Config(dir, "tool", filepath.Join(dir, "tool.log"))
	if err != nil {
		return ToolResult{}, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	res, err := Resolve(t, version).javaCommand(toolHeapMB, log4j2, nil, mainClass,
		args...).run(ctx)
	if err != nil {
		return res, fmt.Errorf("%s %q: %w\n%s%s", mainClass, args, err, res.Stdout, res.Stderr)
	}
	return res, nil
}

// MustSucceed fails the test with the tool's output unless it exited with 0; it returns the result.
func (r ToolResult) MustSucceed(t testing.TB) ToolResult {
	t.Helper()
	if r.ExitCode != 0 {
		t.Fatalf("tool exited with code %d:\n%s%s", r.ExitCode, r.Stdout, r.Stderr)
	}
	return r
}

// DumpMetadata prints the records of a metadata log segment or .checkpoint file by kafka-dump-log.
// It works on a copy, so the node that owns the file may be running.
func DumpMetadata(t testing.TB, version, file string) string {
	t.Helper()
	return RunTool(t, version, DumpLogSegments(version), "--cluster-metadata-decoder", "--files",
		copyFile(t, file)).
		MustSucceed(t).Stdout
}

// shellPatience bounds one run of kafka-metadata-shell.
const shellPatience = Patience / 6

// ShellMetadata runs one command of ShellRelease's kafka-metadata-shell, such as {"ls", "/image"},
// on a copy of a .checkpoint file. In the shell of 4.x reader and loader race: now and then it
// prints nothing or never ends, and is run again.
func ShellMetadata(
	t testing.TB, checkpoint string, shellCommand ...string,
) (stdout string) {
	t.Helper()
	args := append([]string{"--snapshot", copyFile(t, checkpoint)}, shellCommand...)
	Eventually(t, Patience, "kafka-metadata-shell prints something", func() error {
		res, err := runTool(t, shellPatience, ShellRelease, MetadataShell, args...)
		if err != nil {
			return err
		}
		if stdout = res.MustSucceed(t).Stdout; strings.TrimSpace(stdout) == "" {
			return fmt.Errorf("%q printed nothing; standard error: %s", shellCommand, res.Stderr)
		}
		return nil
	})
	return stdout
}

func copyFile(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return to
}
