package node

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
)

// takeAll takes descriptors of a kind until there are none left.
func takeAll(d *descriptors, kind connKind) (n int, releases []func()) {
	for {
		release, ok := d.admit(kind)
		if !ok {
			return n, releases
		}
		n, releases = n+1, append(releases, release)
	}
}

// TestDescriptorsAreShared fills one kind after the other: together they never get the
// reserve, and neither shuts the other out.
func TestDescriptorsAreShared(t *testing.T) {
	t.Parallel()
	for limit, total := range map[int]int{1024: 896, 20000: 19872, 200: 100, 64: 32} {
		for _, first := range []connKind{kafkaConns, httpConns} {
			d := newDescriptors(limit)
			second := 1 - first
			n, releases := takeAll(d, first)
			m, _ := takeAll(d, second)
			if n+m != total || m == 0 {
				t.Errorf("limit %d: %d of kind %d, then %d at the other; want %d together",
					limit, n, first, m, total)
			}
			for _, release := range releases {
				release()
			}
			if again, _ := takeAll(d, second); again+m != total-d.reserved[first] {
				t.Errorf("limit %d: %d and %d of kind %d when the other is empty",
					limit, m, again, second)
			}
		}
	}
}

func TestALoweredLimitIsSaidOnce(t *testing.T) {
	t.Parallel()
	for configured, want := range map[int32]string{
		config.DefaultMaxConnections: "level=INFO", math.MaxInt32: "level=WARN", 1000: "level=WARN",
		896: "", 10: "",
	} {
		var text bytes.Buffer
		newDescriptors(1024).warnIfFewer(configured, slog.New(slog.NewTextHandler(&text, nil)))
		if got := text.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("max.connections=%d: %q", configured, got)
		}
	}
}
