package kafkaproto

import "testing"

func TestChunks(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{
		5000: 8192, 8192: 8192, 8193: 16384, 6 << 20: 8 << 20, 8 << 20: 8 << 20,
		8<<20 + 1: 8<<20 + 1,
	} {
		if got := chunkSize(n); got != want {
			t.Errorf("%d bytes take %d, want %d", n, got, want)
		}
	}
	c := &chunks{most: 1 << 20}
	first, second := c.take(512<<10), c.take(1<<20)
	c.put(first)
	c.put(second) // too much
	if c.held != 512<<10 {
		t.Errorf("%d bytes are free", c.held)
	}
	if again := c.take(512 << 10); &again[0] != &first[0] || len(again) != len(first) ||
		c.held != 0 {
		t.Error("a chunk was not used again")
	}
	c.put(first)
	c.rest()
	if c.held == 0 {
		t.Error("nothing was kept for a moment")
	}
	if c.rest(); c.held != 0 {
		t.Errorf("%d bytes are kept", c.held)
	}
}
