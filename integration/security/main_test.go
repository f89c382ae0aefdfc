package security

import (
	"flag"
	"os"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

var apache = flag.Bool("apache", false, "run Apache's controllers in place of YAKt's")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(kafka.Main(m))
}

// start starts a quorum of n nodes of the kind under test.
func start(t *testing.T, n int, o kafka.ControllerOptions) *kafka.Controllers {
	t.Helper()
	if *apache {
		return kafka.StartControllers(t, n, o)
	}
	return kafka.StartYAKt(t, kafka.BuildYAKt(t), n, o)
}
