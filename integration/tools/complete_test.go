package tools

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// notRun are the programs in Kafka's jars that no transcript runs, and why.
var notRun = map[string]string{
	"org.apache.kafka.tools.ClientCompatibilityTest":    "a test of Kafka's own",
	"org.apache.kafka.tools.ConnectInternalTopics":      "of Kafka Connect",
	"org.apache.kafka.tools.ConnectPluginPath":          "of Kafka Connect; needs no cluster",
	"org.apache.kafka.tools.JmxTool":                    "reads JMX",
	"org.apache.kafka.tools.LogCompactionTester":        "a test of Kafka's own",
	"org.apache.kafka.tools.OAuthCompatibilityTool":     "talks to an identity provider",
	"org.apache.kafka.tools.ReplicaVerificationTool":    "runs until it is killed",
	"org.apache.kafka.tools.TransactionalMessageCopier": "a test of Kafka's own",
	"org.apache.kafka.tools.VerifiableConsumer":         "runs until it is killed",
	"org.apache.kafka.tools.VerifiableProducer":         "a test of Kafka's own",
	"org.apache.kafka.tools.VerifiableShareConsumer":    "runs until it is killed",
	"kafka.tools.TestRaftServer":                        "a test of Kafka's own",
	"kafka.server.KafkaConfig":                          "prints documentation",
	"kafka.Kafka":                                       "the broker",
	"kafka.docker.KafkaDockerWrapper":                   "starts the broker",
}

// TestEveryToolOfKafkaIsRun wants each program in the jars either in a transcript or in notRun.
func TestEveryToolOfKafkaIsRun(t *testing.T) {
	t.Parallel()
	run := map[string]bool{}
	for _, path := range transcripts(t, "testdata") {
		script, err := readTranscript(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range script.steps {
			if s.isCommand() {
				run[tools[s.words()[0]]] = true
			}
		}
	}
	found := programs(t)
	if len(found) < 30 {
		t.Fatalf("only %d programs in the jars: %q", len(found), found)
	}
	for _, class := range found {
		if run[class] == (notRun[class] != "") {
			t.Errorf("%s: in a transcript: %v; in notRun: %q", class, run[class], notRun[class])
		}
	}
	for class := range notRun {
		if !slices.Contains(found, class) {
			t.Errorf("there is no program %s any more", class)
		}
	}
}

// programs returns the classes of Kafka's tools and server that have a main method.
func programs(t *testing.T) []string {
	t.Helper()
	dir := kafka.Resolve(t, kafka.Newest).Dir
	var found []string
	for _, jar := range []string{"kafka-tools-", "kafka_2.13-"} {
		archive, err := zip.OpenReader(filepath.Join(dir, jar+kafka.Newest+".jar"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		for _, f := range archive.File {
			name, isClass := strings.CutSuffix(f.Name, ".class")
			if isClass && !strings.Contains(name, "$") && hasMain(t, f) {
				found = append(found, strings.ReplaceAll(name, "/", "."))
			}
		}
	}
	return found
}

// hasMain looks for the name and the type of a main method among a class's constants.
func hasMain(t *testing.T, f *zip.File) bool {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(b, []byte("\x01\x00\x04main")) &&
		bytes.Contains(b, []byte("([Ljava/lang/String;)V"))
}
