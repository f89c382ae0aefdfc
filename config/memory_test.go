package config

import "testing"

func TestRequestMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		longest int
		memory  int64
	}{
		{"", defaultRequestBytes, defaultRequestMemory},
		{"socket.request.max.bytes=104857600\n", defaultRequestMemory / 2, defaultRequestMemory},
		{"queued.max.request.bytes=-1\n", defaultRequestBytes, defaultRequestMemory},
		{"queued.max.request.bytes=10000000\n", defaultRequestBytes, 10_000_000},
		{
			"socket.request.max.bytes=104857600\nqueued.max.request.bytes=104857600\n", 100 << 20, 100 << 20,
		},
	} {
		got, _ := mustLoad(t, write(t, "c.properties", minimal+c.text), nil)
		equal(t, c.text, got.LongestRequest(), c.longest)
		equal(t, c.text, got.RequestMemory(), c.memory)
	}
}
