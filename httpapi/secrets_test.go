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
}

// TestUnknownBrokerConfigsAreHidden: a key of a broker that Kafka does not define may be the
// misspelt name of a secret, so its value is hidden as in Kafka's DESCRIBE_CONFIGS. Values of known
// keys, and of resources whose keys Kafka checks, are shown.
func TestUnknownBrokerConfigsAreHidden(t *testing.T) {
	t.Parallel()
	const value = "hush-hush"
	for _, c := range []struct {
		kind  int8
		name  string
		shown bool
	}{
		{metadata.ConfigBroker, "ssl.keystore.pasword", false},
		{metadata.ConfigBroker, "my.plugin.setting", false},
		{metadata.ConfigBroker, "listener.name.x.my.plugin.setting", false},
		{metadata.ConfigBroker, "log.retention.ms", true},
		{metadata.ConfigBroker, "listener.name.x.ssl.client.auth", true},
		{metadata.ConfigTopic, "retention.ms", true},
		{metadata.ConfigTopic, "my.secret", false},
		{metadata.ConfigClientMetrics, "match", true},
	} {
		given := value
		r := &record.Config{ResourceType: c.kind, Name: c.name, Value: &given}
		for where, text := range map[string]string{
			"/v1/records": string(appendJSON(nil, rawFields(r))),
			"a feed": string(appendRecord(nil, r, feed.State{}, metadata.LatestVersion,
				position{})),
		} {
			if strings.Contains(text, value) != c.shown {
				t.Errorf("%s, type %d, %s: %s", where, c.kind, c.name, text)
			}
		}
	}
}
