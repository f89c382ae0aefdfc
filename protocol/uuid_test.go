package protocol

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestUUIDText(t *testing.T) {
	t.Parallel()
	for range 100 {
		id := NewUUID()
		again, err := ParseUUID(id.String())
		if err != nil || again != id || id.Reserved() || id.String()[0] == '-' || id[6]>>4 != 4 {
			t.Fatalf("%v: %v, %v", id, again, err)
		}
	}
	padded, err := ParseUUID("v6Y2iOemTu2XY4BygOXx1w==")
	if err != nil || padded.String() != "v6Y2iOemTu2XY4BygOXx1w" {
		t.Errorf("padded: %v, %v", padded, err)
	}
	for _, text := range []string{
		"", "x", "v6Y2iOemTu2XY4BygOXx1", "v6Y2iOemTu2XY4BygOXx1w2", "v6Y2+",
	} {
		if id, err := ParseUUID(text); err == nil {
			t.Errorf("%q is %v", text, id)
		}
	}
	out, err := json.Marshal(DirLost)
	if err != nil || string(out) != `"AAAAAAAAAAAAAAAAAAAAAg"` {
		t.Errorf("%s, %v", out, err)
	}
	var in UUID
	if err := json.Unmarshal(out, &in); err != nil || in != DirLost {
		t.Errorf("%v, %v", in, err)
	}
}

// TestDrawUUIDSkips: reserved ids and those with a leading dash are drawn again.
func TestDrawUUIDSkips(t *testing.T) {
	t.Parallel()
	draws := [][16]byte{{0: 0xf8, 15: 1}, {0: 0xfb}, {0: 1, 15: 9}}
	got := DrawUUID(func() [16]byte {
		next := draws[0]
		draws = draws[1:]
		return next
	})
	if want := (UUID{0: 1, 6: 0x40, 8: 0x80, 15: 9}); got != want || len(draws) != 0 {
		t.Errorf("%v with %d draws left, want %v", got, len(draws), want)
	}
}

func TestUUIDOrder(t *testing.T) {
	t.Parallel()
	ids := []UUID{{}, {15: 1}, {15: 0xff}, {8: 0x80}, {7: 1}, {0: 0x80}}
	for i, a := range ids {
		for j, b := range ids {
			want := slices.Index(ids, a) - slices.Index(ids, b)
			if got := a.Compare(b); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Errorf("%d and %d: %d", i, j, got)
			}
		}
	}
	if !(UUID{15: 99}).Reserved() || (UUID{15: 100}).Reserved() || !DirLost.Reserved() {
		t.Error("the lowest hundred are reserved")
	}
}
