package raftlog

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestMemoryJudges(t *testing.T) {
	dir, log := [16]byte{1}, [16]byte{2}
	met := hello{
		node: 3, dir: dir, incarnation: log, boot: boot{10, 1},
		end: logEnd{term: 5, lastTerm: 4, lastIndex: 100},
	}
	for _, c := range []struct {
		name     string
		change   func(h *hello)
		record   [16]byte // directory in the quorum's records
		founding bool
		says     string // "" when it is heard
		verdict  byte
		learned  bool
	}{
		{name: "the same process", change: func(h *hello) { h.end = logEnd{} }},
		{name: "a restart", change: func(h *hello) { h.boot = boot{11, 5} }},
		{
			name:   "a restart with more",
			change: func(h *hello) { h.boot, h.end.lastIndex = boot{11, 5}, 200 },
		},
		{
			name:   "a shorter log of a later leader",
			change: func(h *hello) { h.boot, h.end = boot{11, 5}, logEnd{7, 6, 90} },
		},
		{
			name: "a shorter log", change: func(h *hello) { h.boot, h.end.lastIndex = boot{11, 5}, 99 },
			says: "entry 100 of epoch 4", verdict: verdictForgot,
		},
		{
			name:   "a log of an earlier leader",
			change: func(h *hello) { h.boot, h.end.lastTerm = boot{11, 5}, 3 }, says: "went back in time",
			verdict: verdictForgot,
		},
		{
			name: "a forgotten vote", change: func(h *hello) { h.boot, h.end.term = boot{11, 5}, 4 },
			says: "epochs up to 5", verdict: verdictForgot,
		},
		{
			name: "an earlier start", change: func(h *hello) { h.boot.count = 9 }, says: "started 10 times",
			verdict: verdictForgot,
		},
		{
			name: "the same start twice", change: func(h *hello) { h.boot.salt = 2 },
			says: "started 10 times", verdict: verdictForgot,
		},
		{
			name: "an empty log", change: func(h *hello) { h.boot, h.end = boot{11, 5}, logEnd{} },
			says: "went back in time", verdict: verdictForgot,
		},
		{
			name: "another log", change: func(h *hello) { h.boot, h.incarnation = boot{11, 5}, [16]byte{9} },
			says: "made again or exchanged", verdict: verdictForgot,
		},
		{
			name:   "another log while nothing is founded",
			change: func(h *hello) { h.incarnation = [16]byte{9} }, founding: true, learned: true,
		},
		{
			name: "another directory", change: func(h *hello) { h.dir = [16]byte{9} },
			says: "disk was replaced",
		},
		{
			name: "another directory than the records'", change: func(h *hello) { h.dir = [16]byte{9} },
			record: dir, says: "disk was replaced",
		},
		{
			name:   "a directory that the records have by now",
			change: func(h *hello) { h.dir, h.incarnation, h.end = [16]byte{9}, [16]byte{8}, logEnd{} },
			record: [16]byte{9}, learned: true,
		},
	} {
		m := memory{known: map[uint64]remembered{}}
		if learned, err := m.judge(met, [16]byte{}, false); !learned || err != nil {
			t.Fatalf("%s: the first time: %v, %v", c.name, learned, err)
		}
		h := met
		c.change(&h)
		learned, err := m.judge(h, c.record, c.founding)
		r, _ := errors.AsType[*refusedError](err)
		switch {
		case c.says == "" && (err != nil || learned != c.learned):
			t.Errorf("%s: learned %v, %v", c.name, learned, err)
		case c.says != "" && (r == nil || r.verdict != max(c.verdict, verdictRefused) ||
			!strings.Contains(r.sentence, c.says)):
			t.Errorf("%s: %v, want something that says %q", c.name, err, c.says)
		}
	}
}

func TestMemoryRoundTrip(t *testing.T) {
	m := memory{suspended: "why", known: map[uint64]remembered{}}
	for i := range uint64(5) {
		m.known[i] = remembered{directory: [16]byte{byte(i)}, incarnation: [16]byte{1, byte(i)},
			boot: boot{uint32(i), 7}, acked: logEnd{i, i + 1, i + 2}, before: logEnd{i, i, i}}
	}
	m.boot.count = 12
	b := m.encode()
	if got, err := decodeMemory(b); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%+v, %v", got, err)
	}
	for cut := 1; cut < len(b)-len(m.suspended); cut++ {
		if _, err := decodeMemory(b[:cut]); err == nil {
			t.Errorf("a memory cut to %d bytes passes", cut)
		}
	}
	if got, err := decodeMemory(nil); err != nil || len(got.known) != 0 {
		t.Errorf("an empty note: %+v, %v", got, err)
	}
}

// TestMemoryMerges: another's memory adds to what is known, and replaces it only while this
// replica's is provisional. An introduction is not judged by acknowledgements of the same
// start of its sender, because it may be older than they are.
func TestMemoryMerges(t *testing.T) {
	mine := remembered{
		directory: [16]byte{1}, incarnation: [16]byte{2}, boot: boot{7, 7},
		acked: logEnd{3, 2, 10}, before: logEnd{1, 1, 1},
	}
	of := func(b boot, acked, before logEnd) remembered {
		r := mine
		r.boot, r.acked, r.before = b, acked, before
		return r
	}
	other := mine
	other.incarnation = [16]byte{9}
	for _, c := range []struct {
		name      string
		heard     remembered
		authority bool
		want      remembered
	}{
		{
			"the same start", of(boot{7, 7}, logEnd{2, 2, 20}, logEnd{2, 1, 0}), false,
			of(boot{7, 7}, logEnd{3, 2, 20}, logEnd{2, 1, 1}),
		},
		{
			"an earlier start", of(boot{6, 1}, logEnd{2, 2, 8}, logEnd{}), false,
			of(boot{7, 7}, logEnd{3, 2, 10}, logEnd{2, 2, 8}),
		},
		{
			"a later start", of(boot{8, 1}, logEnd{4, 4, 30}, logEnd{}), false,
			of(boot{8, 1}, logEnd{4, 4, 30}, logEnd{3, 2, 10}),
		},
		{"another log", other, false, mine},
		{"another log, by authority", other, true, other},
	} {
		m := memory{known: map[uint64]remembered{2: mine}}
		m.merge(1, map[uint64]remembered{1: other, 2: c.heard}, c.authority)
		if got := m.known[2]; got != c.want || len(m.known) != 1 {
			t.Errorf("%s: %+v, want %+v", c.name, m.known, c.want)
		}
	}
}
