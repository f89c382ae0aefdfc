package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

// The table is whole: defaults are valid, environment names are unique and no Kubernetes link, and
// every key we act on says what it does.
func TestKeyTable(t *testing.T) {
	t.Parallel()
	variables := map[string]string{}
	used := 0
	for _, key := range Keys() {
		if other, taken := variables[key.Env()]; taken {
			t.Errorf("%s and %s share %s", other, key.Name, key.Env())
		}
		variables[key.Env()] = key.Name
		if kubernetesLink.MatchString(key.Env()) {
			t.Errorf("%s could be set by Kubernetes", key.Name)
		}
		if key.Name != strings.ToLower(key.Name) || strings.Contains(key.Name, keyDelimiter) {
			t.Errorf("viper would not find %s", key.Name)
		}
		if key.Class == Ignored {
			continue
		}
		used++
		if key.HasDefault {
			if _, wrong := key.parse(key.Default); wrong != "" && key.Default != "" {
				t.Errorf("%s: default %q %s", key.Name, key.Default, wrong)
			}
		}
		if !strings.HasSuffix(key.Doc, ".") || key.Section == "" {
			t.Errorf("%s: %q in %q", key.Name, key.Doc, key.Section)
		}
		if unit := map[string]string{
			"ms": "ms", "bytes": "bytes", "seconds": "s", "minutes": "min", "hours": "h",
		}[key.Name[strings.LastIndexByte(key.Name, '.')+1:]]; unit != key.Unit && unit != "" {
			t.Errorf("%s has the unit %q", key.Name, key.Unit)
		}
	}
	if used < 90 || len(variables) < 360 {
		t.Errorf("%d keys, %d of them used", len(variables), used)
	}
}

// Every name is spelt as Kafka spells it: what we use and KafkaConfig does not define is on this
// short list.
func TestNamesAreKafkas(t *testing.T) {
	t.Parallel()
	notDefined := []string{"super.users", "allow.everyone.if.no.acl.found"} // StandardAuthorizer's own
	for _, key := range Keys() {
		if key.Class == Used && kafkakeys.Find(key.Name) == nil &&
			!slices.Contains(notDefined, key.Name) {
			t.Errorf("%s is no key of Kafka 4.4", key.Name)
		}
	}
	for name, because := range ignoredBecause {
		if defined := kafkakeys.Find(name) != nil; defined == strings.HasPrefix(because, gone) {
			t.Errorf("%s: %s", name, because)
		}
	}
}

func TestSensitive(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"ssl.keystore.password": true, "sasl.jaas.config": true, "ssl.keystore.key": true,
		"delegation.token.secret.key":                             true,
		"listener.name.controller.scram-sha-512.sasl.jaas.config": true,
		"listener.name.a.ssl.key.password":                        true,
		"listener.name.a.ssl.keystore.location":                   false,
		"listener.name.a.plain.sasl.login.class":                  false,
		"listener.name.x":                                         true,
		"node.id":                                                 false,
		"log.dirs":                                                false, "no.such.key": true,
		"delegation.token.max.lifetime.ms": false, "delegation.token.master.key": true,
	} {
		if Sensitive(name) != want {
			t.Errorf("%s: got %v", name, !want)
		}
	}
}
