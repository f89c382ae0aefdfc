// Package attack floods a controller and sends it hostile requests, beside a client that asks for
// little, and measures what both cost. It needs a machine that does nothing else: make test-attacks.
package attack

import (
	"os"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }
