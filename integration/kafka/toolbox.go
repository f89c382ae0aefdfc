package kafka

import (
	"bufio"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed testdata/java/Toolbox.java
var toolboxSource []byte

const toolboxHeapMB = 256

// Toolbox runs command line tools of a Kafka release in one Java process, so that a run costs
// milliseconds and not the second that a new JVM takes. A tool's log goes to a file. Its methods
// may be called from one goroutine at a time.
type Toolbox struct {
	in  io.WriteCloser
	out *bufio.Reader
	log string
}

// StartToolbox starts the process of a release from 4.4 on, which ends with the test. A tool that
// runs for longer than within is given up; its threads remain. jvmArgs are options of the JVM.
func StartToolbox(
	t testing.TB, version string, within time.Duration, jvmArgs ...string,
) *Toolbox {
	t.Helper()
	program := compileEmbedded(t, version, toolboxSource, "Toolbox")
	dir := t.TempDir()
	b := &Toolbox{log: filepath.Join(dir, "tools.log")}
	log4j2, err := log4j2Config(dir, "tools", b.log)
	if err != nil {
		t.Fatal(err)
	}
	run := Resolve(t, version).javaCommand(toolboxHeapMB, log4j2, jvmArgs, program.main,
		fmt.Sprint(within.Milliseconds()))
	cmd := exec.Command(run.argv[0], run.argv[1:]...)
	cmd.Env = append(run.env, "CLASSPATH="+program.classPath)
	b.connect(t, cmd, filepath.Join(dir, "toolbox.err"))
	return b
}

// connect starts cmd, with b as its input and output, and ends it with the test.
func (b *Toolbox) connect(t testing.TB, cmd *exec.Cmd, errors string) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(errors)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stderr = file
	if err := spawn(cmd); err != nil {
		t.Fatal(err)
	}
	b.in, b.out = stdin, bufio.NewReader(stdout)
	t.Cleanup(func() {
		stdin.Close() // it exits at the end of its input
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(errors)
			t.Errorf("the Java process that runs Kafka's tools: %v\n%s", err, text)
		}
	})
}

// Run runs a tool by its main class, with stdin as its standard input. ExitCode is -1 if the tool
// did not end in time.
func (b *Toolbox) Run(
	t testing.TB, stdin, mainClass string, args ...string,
) ToolResult {
	t.Helper()
	begin := time.Now()
	words := append([]string{mainClass, stdin}, args...)
	msg := binary.BigEndian.AppendUint32(nil, uint32(len(words)))
	for _, w := range words {
		msg = binary.BigEndian.AppendUint32(msg, uint32(len(w)))
		msg = append(msg, w...)
	}
	if _, err := b.in.Write(msg); err != nil {
		t.Fatalf("the Java process that runs Kafka's tools: %v", err)
	}
	res, err := b.result()
	if err != nil {
		t.Fatalf("the Java process that runs Kafka's tools ended in %s %q: %v", mainClass, args,
			err)
	}
	res.Took = time.Since(begin)
	return res
}

func (b *Toolbox) result() (res ToolResult, err error) {
	var code int32
	if err := binary.Read(b.out, binary.BigEndian, &code); err != nil {
		return res, err
	}
	res.ExitCode = int(code)
	for _, text := range []*string{&res.Stdout, &res.Stderr} {
		var size uint32
		if err := binary.Read(b.out, binary.BigEndian, &size); err != nil {
			return res, err
		}
		bytes := make([]byte, size)
		if _, err := io.ReadFull(b.out, bytes); err != nil {
			return res, err
		}
		*text = string(bytes)
	}
	return res, nil
}

// Log returns the path of the tools' log.
func (b *Toolbox) Log() string { return b.log }
