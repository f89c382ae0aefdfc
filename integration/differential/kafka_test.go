package differential

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
)

// kafkaSide is Kafka's controller in a Java process.
type kafkaSide struct {
	in  io.Writer
	out *bufio.Reader
}

// written is a record as one side wrote it.
type written struct {
	record  record.Record
	version int16
	bytes   []byte
}

func decode(b []byte) (written, error) {
	r, version, err := record.Decode(b)
	return written{r, version, b}, err
}

// answer is the outcome of one command.
type answer struct {
	records []written
	faults  []string // Kafka's internal errors; each causes a failover
	result  string   // "-" for none
}

// startKafka compiles and starts the driver.
func startKafka(t testing.TB) *kafkaSide {
	t.Helper()
	program := kafka.CompileJava(t, kafka.Newest, filepath.Join("testdata", "Differential.java"),
		"org.apache.kafka.controller.Differential")
	stdin, stdout := program.Start(t, []string{"-Dlog4j2.level=OFF",
		"--add-opens=java.base/java.util=ALL-UNNAMED", "-Xmx512m"})
	return &kafkaSide{stdin, bufio.NewReaderSize(stdout, 1<<20)}
}

// call sends a command and reads its answer. It panics if the process is gone, since the test
// cannot continue.
func (k *kafkaSide) call(format string, args ...any) answer {
	if _, err := fmt.Fprintf(k.in, format+"\n", args...); err != nil {
		panic(err)
	}
	var a answer
	for {
		line, err := k.out.ReadString('\n')
		if err != nil {
			panic(fmt.Errorf("the Java process: %w", err))
		}
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "record":
			b, err := hex.DecodeString(rest)
			if err != nil {
				panic(err)
			}
			w, err := decode(b)
			if err != nil {
				panic(fmt.Errorf("a record of Kafka's: %w: %x", err, b))
			}
			a.records = append(a.records, w)
		case "fault":
			a.faults = append(a.faults, rest)
		case "done":
			a.result = rest
			return a
		default:
			panic("the Java process says: " + line)
		}
	}
}

// request sends a request; ours are the records that replace those it writes.
func (k *kafkaSide) request(req kmsg.Request, ours []written) (answer, kmsg.Response) {
	a := k.call("request %d %d =%x %s", req.Key(), req.GetVersion(), req.AppendTo(nil),
		recordsText(ours))
	if !strings.HasPrefix(a.result, "=") {
		return a, nil
	}
	b, err := hex.DecodeString(a.result[1:])
	if err != nil {
		panic(err)
	}
	return a, decodeResponse(req, b)
}

func decodeResponse(req kmsg.Request, b []byte) kmsg.Response {
	resp := req.ResponseKind()
	if err := resp.ReadFrom(b); err != nil {
		panic(fmt.Errorf("a response to request %d: %w: %x", req.Key(), err, b))
	}
	return resp
}

func recordsText(records []written) string {
	if len(records) == 0 {
		return "-"
	}
	var all []string
	for _, r := range records {
		all = append(all, hex.EncodeToString(r.bytes))
	}
	return strings.Join(all, ",")
}
