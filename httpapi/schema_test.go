package httpapi

import "testing"

// TestIdsInBothForms reads ids as Kafka writes them and with hyphens.
func TestIdsInBothForms(t *testing.T) {
	t.Parallel()
	const kafka, hyphens = "Jb1aPjOFQJ2pUL4xzHq1Lg", "25bd5a3e-3385-409d-a950-be31cc7ab52e"
	for _, text := range []uuidText{kafka, hyphens} {
		if id, err := text.parse(); err != nil || id.String() != kafka || text.orNew() != id {
			t.Errorf("%s: %v, %v", text, id, err)
		}
	}
	for _, text := range []uuidText{"", "x", "25bd5a3e-3385-409d-a950-be31cc7ab52z"} {
		if _, err := text.parse(); err == nil {
			t.Errorf("%q is an id", text)
		}
		if first, second := text.orNew(), text.orNew(); first == second || first.IsZero() {
			t.Errorf("%q: the new ids are %v and %v", text, first, second)
		}
	}
}

func TestSecurityProtocols(t *testing.T) {
	t.Parallel()
	for i, name := range protocolNames {
		if n, ok := protocolText(name).number(); !ok || n != int16(i) || protocolName(n) != name {
			t.Errorf("%s: %d %t", name, n, ok)
		}
	}
	if _, ok := protocolText("TLS").number(); ok || protocolName(-1) != protocolName(4) {
		t.Error("a protocol that Kafka does not have is known")
	}
}
