package protocol

import "testing"

// TestChecksum uses the check value of CRC-32C (RFC 3720, B.4, and the catalogue of CRCs).
func TestChecksum(t *testing.T) {
	t.Parallel()
	digits := []byte("123456789")
	if got := Checksum(digits); got != 0xe3069283 {
		t.Errorf("the checksum of %s is %08x", digits, got)
	}
	if got := ExtendChecksum(Checksum(digits[:4]), digits[4:]); got != 0xe3069283 {
		t.Errorf("the checksum of %s in two pieces is %08x", digits, got)
	}
}
