package aclindex

import (
	"testing"
)

func TestHostRanges(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"10.0.0.0/8": true, "010.0.0.0/8": true, "10.0.0.0/08": true, "10.1.2.3/8": true,
		"0.0.0.0/0": true, "255.255.255.255/32": true,
		"10.0.0.0/33": false, "10.0.0.0/255.0.0.0": false, "10.0.0.0/ 8": false, "10.0.0/8": false,
		"10.0.0.0/-1": false, "10.0.0.0/": false, "/8": false, "10.0.0.0/008": false,
		"256.0.0.0/8": false, "1.2.3.4.5/8": false, "host/8": false, "10.0.0.0/8/8": false,
		"::/0": true, "2001:db8::/32": true, "2001:DB8::1/128": true, "[::1]/128": true,
		"fe80::%eth0/10": true, "::ffff:10.0.0.0/104": false, "::/129": false, "::/": false,
		"[::1/128": false, "::1]/128": false, ":::/3": false, "::/x": false,
		"::/0008": true, "::/+8": true, "::/-0": true, "::/-1": false, "10.0.0.0/+8": false,
	} {
		if got := RangeProblem(host); (got == "") != want {
			t.Errorf("%q: %q", host, got)
		}
	}
}
