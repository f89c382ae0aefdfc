package kafka

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/java/LogReader.java
var logReaderSource []byte

// LogFile is a metadata log (consecutive record batches from offset 0) or a whole snapshot.
type LogFile struct {
	Snapshot bool
	Bytes    []byte
}

// LoadError is Kafka's failure to load a file.
type LoadError struct {
	// Offset is that of the record whose replay failed, or the first of an unreadable batch, or the
	// end of the file if the image could not be written again.
	Offset int64
	Text   string // the exception and its causes
}

// Error implements error.
func (e *LoadError) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.Text) }

// LoadLogs has a release of Kafka load files as its brokers do, with its own readers and its own
// replay, all in one JVM; each file begins with an empty state. It returns a *LoadError or nil for
// each file. A metadata.version that the release does not know is an error.
func LoadLogs(t testing.TB, version string, files ...LogFile) []error {
	t.Helper()
	var in bytes.Buffer
	for _, f := range files {
		kind := byte(0)
		if f.Snapshot {
			kind = 1
		}
		in.WriteByte(kind)
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f.Bytes))))
		in.Write(f.Bytes)
	}
	reader := compileEmbedded(t, version, logReaderSource, "LogReader")
	out := reader.Run(t, in.Bytes(),
		[]string{"-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=OFF"})
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(files) == 0 {
		return nil
	}
	if len(lines) != len(files) {
		t.Fatalf("%d answers for %d files: %s", len(lines), len(files), out)
	}
	loaded := make([]error, len(files))
	for i, line := range lines {
		loaded[i] = loadAnswer(line)
	}
	return loaded
}

func loadAnswer(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	if kind == "loaded" {
		return nil
	}
	number, text, _ := strings.Cut(rest, " ")
	offset, err := strconv.ParseInt(number, 10, 64)
	if kind != "failed" || err != nil {
		return errors.New(line)
	}
	return &LoadError{offset, text}
}
