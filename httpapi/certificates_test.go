package httpapi

import (
	"strings"
	"testing"
	"time"
)

// TestExpiring: the certificate that ends first is named from a month before its end on.
func TestExpiring(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	late := Certificate{"A", "truststore", "CN=late", "1", now.AddDate(1, 0, 0)}
	soon := Certificate{"B", "keystore", "CN=soon", "2", now.AddDate(0, 0, 29)}
	for _, c := range []struct {
		all  []Certificate
		want string
	}{
		{nil, ""},
		{[]Certificate{late}, ""},
		{[]Certificate{late, soon}, "a certificate in the keystore of the listener B, CN=soon, is " +
			"valid until 2026-11-30T00:00:00Z"},
		{[]Certificate{soon, late}, "CN=soon"},
	} {
		if got := expiring(c.all, now); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q", c.all, got)
		}
	}
}
