package authorizer

import (
	"flag"
	"os"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

var (
	sets = flag.Int("sets", 200, "how many sets of access control entries")
	seed = flag.Uint64("seed", 1, "of the first set; the others have those that follow")
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }
