package integration

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/integration/kafka"
)

var update = flag.Bool("update", false, "rewrite the answers of Apache's controllers in testdata")

const configScript = "../controller/testdata/configs-4.4.0.txt"

// TestConfigScript runs the script of requests about configs on a controller of Apache Kafka 4.4.0:
// the answers are those that the unit tests of our controller compare with.
func TestConfigScript(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(configScript)
	if err != nil {
		t.Fatal(err)
	}
	q := kafka.StartControllers(t, 1, kafka.ControllerOptions{
		Version: kafka.V44, Static: true, Properties: controllertest.ConfigScriptStatic(),
	})
	kafka.FakeBrokers(t, q, 1)
	got, err := controllertest.ConfigScript(string(script),
		func(req kmsg.Request) (kmsg.Response, error) {
			return kafka.Ask(t.Context(), q.Endpoint(q.Nodes()[0]), req)
		}, func(check func() error) { _ = kafka.Poll(t.Context(), 10*time.Second, check) })
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(configScript, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(script) {
		t.Error(controllertest.FirstDifference(string(script), got))
	}
}
