package release

import (
	_ "embed"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// TestMain runs the tests with one binary of yakt.
func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }

// recorded are the facts of the release that YAKt follows.
//
//go:embed testdata/kafka.tsv
var recorded string

var writeRecord = flag.Bool("record", false, "write the facts of kafka.Newest to testdata/kafka.tsv")

// TestKafkaDefinesWhatIsRecorded compares the jars of a release with testdata/kafka.tsv, which the
// code was written for: those of kafka.Newest must not differ, those of a later release, named by
// YAKT_TEST_RELEASE, print what changed.
func TestKafkaDefinesWhatIsRecorded(t *testing.T) {
	t.Parallel()
	version := kafka.Newest
	if other := os.Getenv("YAKT_TEST_RELEASE"); other != "" {
		version = other
	}
	now := factsOf(t, version)
	if *writeRecord {
		file := filepath.Join("testdata", "kafka.tsv")
		if err := os.WriteFile(file, []byte(now.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if changes := parseFacts(recorded).differences(now); len(changes) > 0 {
		t.Errorf("Kafka %s differs from what is recorded:\n%s", version,
			strings.Join(changes, "\n"))
	}
}
