package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/yakt/yakt/config"
)

// takeAll takes descriptors at a door until there are none.
func takeAll(d *descriptors, at door) (n int, releases []func()) {
	for {
		release, ok := d.admit(at)
		if !ok {
			return n, releases
		}
		n, releases = n+1, append(releases, release)
	}
}

// TestDescriptorsAreShared crowds one door after the other: together they never get the
// reserve, and neither shuts the other out.
func TestDescriptorsAreShared(t *testing.T) {
	t.Parallel()
	for limit, total := range map[int]int{1024: 896, 20000: 19872, 200: 100, 64: 32} {
		for _, first := range []door{kafkaDoor, httpDoor} {
			d := newDescriptors(limit)
			second := 1 - first
			n, releases := takeAll(d, first)
			m, _ := takeAll(d, second)
			if n+m != total || m == 0 {
				t.Errorf("limit %d: %d at door %d, then %d at the other; want %d together",
					limit, n, first, m, total)
			}
			for _, release := range releases {
				release()
			}
			if again, _ := takeAll(d, second); again+m != total-d.sure[first] {
				t.Errorf("limit %d: %d and %d at door %d when the other is empty",
					limit, m, again, second)
			}
		}
	}
}

func TestConnectionsThatAreToBeDialedCount(t *testing.T) {
	t.Parallel()
	d := newDescriptors(64)
	ends := make(chan net.Conn, 1)
	fail := true
	dial := d.dialer(func(context.Context, string, string) (net.Conn, error) {
		if fail {
			return nil, syscall.ECONNREFUSED
		}
		here, there := net.Pipe()
		ends <- there
		return here, nil
	})
	for range 100 {
		if _, err := dial(t.Context(), "tcp", "x"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("refused: %v", err)
		}
	}
	fail = false
	c, err := dial(t.Context(), "tcp", "x")
	if err != nil {
		t.Fatal(err)
	}
	defer (<-ends).Close()
	rest, _ := takeAll(d, httpDoor)
	if rest != d.total-d.sure[kafkaDoor]-1 {
		t.Errorf("%d left", rest)
	}
	_, err = dial(t.Context(), "tcp", "x")
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" || !errors.Is(op.Err, syscall.EMFILE) {
		t.Errorf("without a descriptor: %v", err)
	}
	c.Close()
	c.Close()
	if n, _ := takeAll(d, httpDoor); n != 1 {
		t.Errorf("closing gave %d back", n)
	}
}

func TestALoweredLimitIsSaidOnce(t *testing.T) {
	t.Parallel()
	for configured, want := range map[int32]string{
		config.DefaultMaxConnections: "level=INFO", math.MaxInt32: "level=WARN", 1000: "level=WARN", 896: "", 10: "",
	} {
		var text bytes.Buffer
		newDescriptors(1024).note(configured, slog.New(slog.NewTextHandler(&text, nil)))
		if got := text.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("max.connections=%d: %q", configured, got)
		}
	}
}
