// Package attack floods a controller and sends it hostile requests, beside a client with small
// requests, and measures the cost for both. It needs an otherwise idle machine: make test-attacks.
package attack

import (
	"os"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }
