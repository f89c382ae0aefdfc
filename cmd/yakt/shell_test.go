package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// kafkaPrograms are the programs of Kafka in the texts' commands.
var kafkaPrograms = []string{
	"kafka-storage.sh", "kafka-server-start.sh", "kafka-topics.sh", "kafka-metadata-quorum.sh",
	"kafka-features.sh",
}

// fakePrograms makes programs that print their name and arguments.
func fakePrograms(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		script := "#!/bin/sh\necho " + name + " \"$@\"\n"
		writeFile(t, filepath.Join(dir, name), script)
	}
}

// writeFile makes a file that may be run, and the folders that it is in.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shell runs a script in a directory, as if it was pasted there, and returns what it printed.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}
