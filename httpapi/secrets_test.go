package httpapi

import (
	"strings"
	"testing"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestSecretsAreHidden looks for the values of secret keys in the output of /v1/records and the
// feeds.
func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const value = "hush-hush"
	for _, name := range []string{
		"ssl.truststore.certificates", "listener.name.x.ssl.keystore.certificate.chain",
		"my.plugin.passphrase", "vault.master.key", "schema.registry.basic.auth.user.info",
		"listener.name.x.plain.sasl.jaas.config", "SSL.KEY.PASSWORD",
	} {
		given := value
		r := &record.Config{ResourceType: metadata.ConfigBroker, Name: name, Value: &given}
		text := string(appendJSON(nil, rawFields(r))) +
			string(appendRecord(nil, r, feed.State{}, metadata.LatestVersion, position{}))
		if strings.Contains(text, value) {
			t.Errorf("%s is shown: %s", name, text)
		}
	}
	open := value
	if text := string(appendJSON(nil, rawFields(&record.Config{Name: "retention.ms",
		Value: &open}))); !strings.Contains(text, value) {
		t.Errorf("a value that is no secret is hidden: %s", text)
	}
}
