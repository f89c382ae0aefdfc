package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// apache runs Apache Kafka's own controllers.
type apache struct {
	release   *Release
	heapMB    int
	asShipped bool
}

func (a apache) name() string { return "Apache " + a.release.Version }

func (a apache) hasHTTP() bool { return false }

func (a apache) format(dir string, args ...string) (command, error) {
	log4j2, err := log4j2Config(dir, "format", filepath.Join(dir, "format.log"))
	return a.release.javaCommand(toolHeapMB, log4j2, nil, StorageTool, append([]string{"format"}, args...)...), err
}

func (a apache) start(dir, name, config string) (command, string, error) {
	logPath := filepath.Join(dir, name+".log")
	log4j2, err := log4j2Config(dir, name, logPath)
	if a.asShipped {
		return a.release.shippedCommand(a.heapMB, log4j2, serverClass, config), logPath, err
	}
	return a.release.javaCommand(a.heapMB, log4j2, nil, serverClass, config), logPath, err
}

// yakt runs the yakt binary.
type yakt struct{ binary string }

func (y yakt) name() string { return "YAKt" }

func (y yakt) hasHTTP() bool { return true }

func (y yakt) format(_ string, args ...string) (command, error) {
	return command{argv: append([]string{y.binary, "format"}, args...), env: os.Environ()}, nil
}

func (y yakt) start(_, _, config string) (command, string, error) {
	return command{argv: []string{y.binary, "start", "--config", config}, env: os.Environ()}, "", nil
}

// kafkaFormatted is the yakt binary on directories that Kafka's own tool formatted.
type kafkaFormatted struct {
	yakt
	by apache
}

func (k kafkaFormatted) format(dir string, args ...string) (command, error) {
	return k.by.format(dir, args...)
}

func yaktProgram(t testing.TB, binary string, o ControllerOptions) program {
	if o.FormatBy == "" {
		return yakt{binary}
	}
	return kafkaFormatted{yakt{binary}, apache{release: Resolve(t, o.FormatBy)}}
}

const buildTimeout = 5 * time.Minute

// BuildYAKt builds cmd/yakt of this module into the test's temporary folder, with these extra arguments of go build
// ("-race"), and returns the binary's path. Build it once and share it among subtests.
func BuildYAKt(t testing.TB, buildArgs ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the module: %v", err)
	}
	binary := filepath.Join(t.TempDir(), "yakt")
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, buildArgs...), "-o", binary, "./cmd/yakt")...)
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("build cmd/yakt: %w\n%s", err, out))
	}
	return binary
}

// RunYAKt runs the yakt binary to its end, which must come within the time given.
func RunYAKt(t testing.TB, binary string, within time.Duration, args ...string) ToolResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	res, err := command{argv: append([]string{binary}, args...), env: os.Environ()}.run(ctx)
	if err != nil {
		t.Fatalf("yakt %q: %v\n%s%s", args, err, res.Stdout, res.Stderr)
	}
	return res
}
