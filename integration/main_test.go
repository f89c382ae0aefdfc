package integration

import (
	"os"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }
