package kafkakeys

import (
	"strings"
	"testing"
)

func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	for _, k := range All() {
		if doc := Doc(k.Name); !strings.HasSuffix(doc, ".") || strings.ContainsAny(doc, "\t\n") {
			t.Errorf("%s: %q", k.Name, doc)
		}
		if k.Internal && k.Update == PerBroker || k.Required && k.HasDefault {
			t.Errorf("%+v", k)
		}
	}
	if n := len(All()); n != 379 {
		t.Errorf("%d keys", n)
	}
	if doc := Doc("no.such.key"); doc != "" {
		t.Errorf("of an unknown key: %q", doc)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ssl.key.password": "ssl.key.password", "no.such.key": "", "listener.name.a": "",
		"listener.name.a.ssl.key.password":               "ssl.key.password",
		"listener.name.a.scram-sha-512.sasl.jaas.config": "sasl.jaas.config",
		"listener.name.a.no.such.key":                    "",
	} {
		got := ""
		if k := Find(name); k != nil {
			got = k.Name
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
