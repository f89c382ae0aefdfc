package clients

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const fetchTimeout = 10 * time.Minute

// library is a client library and how to run a case with it.
type library struct {
	name string
	argv []string // without the case and its arguments
	dir  string   // working directory, "" for any
}

// run runs a case of a program to its end and returns an error that holds its output.
func (l library) run(ctx context.Context, args ...string) (stdout string, err error) {
	var out, diagnostics bytes.Buffer
	cmd := exec.CommandContext(ctx, l.argv[0], append(slices.Clone(l.argv[1:]), args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, &out, &diagnostics
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %v: %w\n%s%s", l.name, args, err, out.String(),
			last(diagnostics.Bytes(), 4000))
	}
	return out.String(), nil
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// tool runs a package manager, and says how to install it where it is missing.
func tool(dir, hint string, argv ...string) error {
	if _, err := exec.LookPath(argv[0]); err != nil {
		return fmt.Errorf("these tests need %s: install it (%s)", argv[0], hint)
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", argv, err, last(out, 4000))
	}
	return nil
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const pythonHint = "Debian: apt-get install python3-pip"

// pythonLibraries are confluent-kafka (librdkafka), kafka-python and aiokafka. program is the part
// of the programs' names after that of the library.
func pythonLibraries(t testing.TB, program string) []library {
	t.Helper()
	requirements, err := filepath.Abs("testdata/python/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	packages := kafka.Cached(t, "python-clients", read(t, requirements), func(dir string) error {
		return tool(dir, pythonHint, "python3", "-m", "pip", "install", "--quiet", "--target", dir,
			"--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", requirements)
	})
	var libraries []library
	for _, name := range []string{"confluent", "kafka_python", "aiokafka"} {
		script, _ := filepath.Abs("testdata/python/" + name + "_" + program + ".py")
		libraries = append(libraries, library{name: name,
			argv: []string{"env", "PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1",
				"python3", script}})
	}
	return libraries
}

const nodeHint = "Debian: apt-get install npm"

// nodeLibraries are kafkajs and @platformatic/kafka. A script finds its libraries beside itself, so
// scripts are copied to a folder that links to them.
func nodeLibraries(t testing.TB, program string) []library {
	t.Helper()
	lock := read(t, "testdata/node/package-lock.json")
	packages := kafka.Cached(t, "node-clients", lock, func(dir string) error {
		for name, content := range map[string][]byte{
			"package.json": read(t, "testdata/node/package.json"), "package-lock.json": lock} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				return err
			}
		}
		return tool(dir, nodeHint, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	})
	scripts := t.TempDir()
	if err := os.CopyFS(scripts, os.DirFS("testdata/node")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(packages, "node_modules"),
		filepath.Join(scripts, "node_modules")); err != nil {
		t.Fatal(err)
	}
	var libraries []library
	for _, name := range []string{"kafkajs", "platformatic"} {
		libraries = append(libraries, library{name: name, argv: []string{"node",
			filepath.Join(scripts, name+"_"+program+".js")}})
	}
	return libraries
}

// goLibraries are sarama and kafka-go, in a program of a module of their own.
func goLibraries(t testing.TB) []library {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "clients")
	if err := tool("testdata/go", "https://go.dev", "go", "build", "-o", binary, "."); err != nil {
		t.Fatal(err)
	}
	return []library{{name: "sarama", argv: []string{binary, "sarama"}},
		{name: "kafkago", argv: []string{binary, "kafkago"}}}
}

func javaLibrary(t testing.TB, main string) library {
	t.Helper()
	program := kafka.CompileJava(t, kafka.Newest, "testdata/java/"+main+".java", main)
	log4j2 := filepath.Join(t.TempDir(), "log4j2.properties")
	config := "status = error\nrootLogger.level = ERROR\nrootLogger.appenderRef.c.ref = C\n" +
		"appender.c.type = Console\nappender.c.name = C\nappender.c.target = SYSTEM_ERR\n" +
		"appender.c.layout.type = PatternLayout\nappender.c.layout.pattern = %p %m%n\n"
	if err := os.WriteFile(log4j2, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := program.Command([]string{"-Xmx192m", "-XX:TieredStopAtLevel=1",
		"-Dlog4j2.configurationFile=" + log4j2})
	return library{name: "java", argv: cmd.Args}
}
