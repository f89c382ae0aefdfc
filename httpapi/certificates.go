package httpapi

import (
	"fmt"
	"time"
)

// Certificate is one that a listener of this node uses or trusts.
type Certificate struct {
	Listener string
	Store    string // "keystore" or "truststore"
	Subject  string // RFC 2253
	Serial   string // hexadecimal
	NotAfter time.Time
}

// certificateWarning is how long before its end a certificate counts as expiring.
const certificateWarning = 30 * 24 * time.Hour

// expiring names the certificate that ends first, if that is soon; otherwise it is "".
func expiring(all []Certificate, now time.Time) string {
	if len(all) == 0 {
		return ""
	}
	first := all[0]
	for _, c := range all {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	if first.NotAfter.Sub(now) > certificateWarning {
		return ""
	}
	return fmt.Sprintf("a certificate in the %s of the listener %s, %s, is valid until %s: renew it",
		first.Store, first.Listener, first.Subject, first.NotAfter.UTC().Format(time.RFC3339))
}
