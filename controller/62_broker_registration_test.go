package controller

import (
	"slices"
	"testing"

	"github.com/yakt/yakt/metadata/record"
)

func TestEndpointsOfOneName(t *testing.T) {
	var list []record.Endpoint
	for _, e := range []record.Endpoint{{Name: "A", Port: 1}, {Name: "B", Port: 2}, {Name: "A", Port: 3}} {
		list = withEndpoint(list, e)
	}
	if want := []record.Endpoint{{Name: "A", Port: 3}, {Name: "B", Port: 2}}; !slices.Equal(list, want) {
		t.Errorf("got %v, want %v: the last one of a name counts", list, want)
	}
}
