package protocol

import "testing"

func TestSecret(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"ssl.truststore.certificates":                       true,
		"listener.name.x.ssl.keystore.certificate.chain":    true,
		"ssl.keystore.key":                                  true,
		"SSL.Key.Password":                                  true,
		"my.plugin.passphrase":                              true,
		"vault.master.key":                                  true,
		"confluent.schema.registry.basic.auth.user.info":    true,
		"basic.auth.user.info":                              true,
		"listener.name.x.plain.sasl.jaas.config":            true,
		"delegation.token.secret.key":                       true,
		"sasl.oauthbearer.client.credentials.client.secret": true,
		"sasl.oauthbearer.assertion.private.key.passphrase": true,
		"vault.token":                                       true,
		"s3_secret_access_key":                              true,
		"password.encoder.secret":                           true,
		"password.encoder.old.secret":                       true,
		"password.encoder.iterations":                       false,
		"sasl.oauthbearer.client.credentials.client.id":     false,
		"sasl.oauthbearer.token.endpoint.url":               false,
		"delegation.token.max.lifetime.ms":                  false,
		"ssl.truststore.location":                           false,
		"ssl.truststore.type":                               false,
		"retention.ms":                                      false,
		"sasl.oauthbearer.assertion.private.key.file":       false,
		"broken": false,
		"":       false,
	} {
		if got := Secret(name); got != want {
			t.Errorf("Secret(%q) = %t, want %t", name, got, want)
		}
	}
}
