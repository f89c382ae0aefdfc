package kafka

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// JavaProgram is a small Java program, compiled against a release of Kafka.
type JavaProgram struct {
	java      string
	classPath string
	main      string
}

// CompileJava compiles a program of one source file. main is its class with the package.
func CompileJava(t testing.TB, version, source, main string) JavaProgram {
	t.Helper()
	r := Resolve(t, version)
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Fatal("this test compiles a small Java program: install a JDK 17 or later " +
			"(Debian: apt-get install openjdk-17-jdk-headless) and put javac on PATH")
	}
	classes := t.TempDir()
	out, err := exec.CommandContext(t.Context(), javac, "-d", classes, "-cp", r.classPath(),
		source).CombinedOutput()
	if err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	classPath := classes + string(filepath.ListSeparator) + r.classPath()
	return JavaProgram{r.java, classPath, main}
}

// Command returns the command that runs the program, with options of the JVM before its own
// arguments.
func (p JavaProgram) Command(jvmArgs []string, args ...string) *exec.Cmd {
	argv := append([]string{"-XX:+UseSerialGC", "-cp", p.classPath}, jvmArgs...)
	return exec.Command(p.java, append(append(argv, p.main), args...)...)
}

// Start starts the program, to talk to it by its standard input and output. At the end of the test
// the input ends, with which the program has to exit.
func (p JavaProgram) Start(
	t testing.TB, jvmArgs []string,
) (stdin io.WriteCloser, stdout io.Reader) {
	t.Helper()
	cmd := p.Command(jvmArgs)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err = cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the Java process: %v", err)
		}
	})
	return stdin, stdout
}

// Run runs the program with stdin as its input to its end, and returns its standard output.
func (p JavaProgram) Run(t testing.TB, stdin []byte, jvmArgs []string, args ...string) []byte {
	t.Helper()
	cmd := p.Command(jvmArgs, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", p.main, args, err, stderr.String())
	}
	return out
}

// compileEmbedded writes an embedded source to a file and compiles it.
func compileEmbedded(t testing.TB, version string, source []byte, main string) JavaProgram {
	t.Helper()
	file := filepath.Join(t.TempDir(), main+".java")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(fmt.Errorf("the source of %s: %w", main, err))
	}
	return CompileJava(t, version, file, main)
}
