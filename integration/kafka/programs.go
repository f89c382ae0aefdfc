package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// apache runs Apache Kafka's own controllers.
type apache struct {
	release   *Release
	heapMB    int
	asShipped bool
	jvmArgs   []string
}

func (a apache) name() string { return "Apache " + a.release.Version }

func (a apache) hasHTTP() bool { return false }

func (a apache) format(dir string, args ...string) (command, error) {
	log4j2, err := log4j2Config(dir, "format", filepath.Join(dir, "format.log"))
	return a.release.javaCommand(toolHeapMB, log4j2, a.jvmArgs, StorageTool,
		append([]string{"format"}, args...)...), err
}

func (a apache) start(dir, name, config string) (command, string, error) {
	logPath := filepath.Join(dir, name+".log")
	log4j2, err := log4j2Config(dir, name, logPath)
	if a.asShipped {
		return a.release.shippedCommand(a.heapMB, log4j2, serverClass, config), logPath, err
	}
	return a.release.javaCommand(a.heapMB, log4j2, a.jvmArgs, serverClass, config), logPath, err
}

// yakt runs the yakt binary.
type yakt struct{ binary string }

func (y yakt) name() string { return "YAKt" }

func (y yakt) hasHTTP() bool { return true }

func (y yakt) format(_ string, args ...string) (command, error) {
	return command{argv: append([]string{y.binary, "format"}, args...), env: os.Environ()}, nil
}

func (y yakt) start(_, _, config string) (command, string, error) {
	return command{argv: []string{y.binary, "start", "--config", config}, env: os.Environ()}, "",
		nil
}

// kafkaFormatted is the yakt binary on directories formatted by Kafka's own tool.
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
	tool := apache{release: Resolve(t, o.FormatBy), jvmArgs: jvmArgs(o.Realm)}
	return kafkaFormatted{yakt{binary}, tool}
}

const buildTimeout = 10 * time.Minute

// Main runs a package's tests with one binary for each set of arguments of BuildYAKt; TestMain
// exits with its result. A GoodClient runs as the same program.
func Main(m *testing.M) (exitCode int) {
	if addrs := os.Getenv(goodClientEnv); addrs != "" {
		return goodClientMain(addrs)
	}
	dir, err := os.MkdirTemp("", "yakt-build-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	builds.dir = dir
	return m.Run()
}

// builds are this process's binaries, in a folder that Main made.
var builds struct {
	dir string
	of  sync.Map // build arguments, joined -> func() (string, error)
}

// BuildYAKt builds cmd/yakt of this module, with these extra arguments of go build ("-race"), and
// returns the binary's path. Under Main it is built once for all tests, else for this test.
func BuildYAKt(t testing.TB, buildArgs ...string) string {
	t.Helper()
	build := func() (string, error) { return buildYAKt(t.TempDir(), buildArgs) }
	if builds.dir != "" {
		key := strings.Join(buildArgs, " ")
		once, _ := builds.of.LoadOrStore(key, sync.OnceValues(func() (string, error) {
			return buildYAKt(filepath.Join(builds.dir, shortHash([]byte(key))), buildArgs)
		}))
		build = once.(func() (string, error))
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func buildYAKt(dir string, buildArgs []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	binary := filepath.Join(dir, "yakt")
	cmd := exec.CommandContext(ctx, "go",
		append(append([]string{"build"}, buildArgs...), "-o", binary, "./cmd/yakt")...)
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build cmd/yakt: %w\n%s", err, out)
	}
	return binary, nil
}

// RunYAKt runs the yakt binary and fails the test unless it exits within the given time.
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
