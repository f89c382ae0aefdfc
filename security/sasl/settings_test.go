package sasl_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/sasl"
)

const secretLine = `org.apache.kafka.common.security.plain.PlainLoginModule required ` +
	`username="u" password="SECRET" user_a="SECRET";`

func texts(problems []security.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Key+" "+p.Wrong+"; "+p.Fix)
	}
	return strings.Join(all, "\n")
}

func TestParse(t *testing.T) {
	t.Parallel()
	s, problems := sasl.Parse(map[string]string{
		"sasl.enabled.mechanisms":                   " SCRAM-SHA-512, PLAIN,PLAIN ,",
		"plain.sasl.jaas.config":                    secretLine,
		"connections.max.reauth.ms":                 "60000",
		"scram-sha-512.connections.max.reauth.ms":   "0",
		"connection.failed.authentication.delay.ms": "5",
		"sasl.server.max.receive.size":              "1000",
		"plain.sasl.server.callback.handler.class": "org.apache.kafka.common.security.plain." +
			"internals.PlainServerCallbackHandler",
	})
	if len(problems) > 0 || !slices.Equal(s.Mechanisms, []string{"SCRAM-SHA-512", "PLAIN"}) ||
		s.MaxReauth("PLAIN") != time.Minute || s.MaxReauth("SCRAM-SHA-512") != 0 ||
		s.FailedDelay != 5*time.Millisecond || s.MaxBytes != 1000 {
		t.Errorf("%+v, %s", s, texts(problems))
	}
	s, problems = sasl.Parse(map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-256"})
	if len(problems) > 0 || s.FailedDelay != 100*time.Millisecond || s.MaxBytes != 512<<10 ||
		s.MaxReauth("SCRAM-SHA-256") != 0 {
		t.Errorf("defaults: %+v, %s", s, texts(problems))
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keys map[string]string
		want string
	}{
		"nothing": {map[string]string{}, "sasl.enabled.mechanisms is not set, and its default, " +
			"GSSAPI (Kerberos), is not supported; list some of PLAIN,"},
		"Kerberos": {map[string]string{"sasl.enabled.mechanisms": "GSSAPI,SCRAM-SHA-256"},
			"sasl.enabled.mechanisms has GSSAPI (Kerberos), which is not supported"},
		"unknown": {map[string]string{"sasl.enabled.mechanisms": "plain"},
			`sasl.enabled.mechanisms has "plain", which is not a known mechanism`},
		"none": {map[string]string{"sasl.enabled.mechanisms": ","},
			"sasl.enabled.mechanisms enables no mechanism"},
		"no line": {map[string]string{"sasl.enabled.mechanisms": "PLAIN"},
			"plain.sasl.jaas.config is not set, although PLAIN is enabled; set it to"},
		"no prefix": {map[string]string{"sasl.enabled.mechanisms": "PLAIN",
			"sasl.jaas.config": secretLine},
			"plain.sasl.jaas.config is not set; sasl.jaas.config is, but a server ignores it"},
		"syntax": {map[string]string{"sasl.enabled.mechanisms": "PLAIN",
			"plain.sasl.jaas.config": strings.TrimSuffix(secretLine, ";")},
			"plain.sasl.jaas.config cannot be used: at character"},
		"module": {map[string]string{"sasl.enabled.mechanisms": "PLAIN",
			"plain.sasl.jaas.config": "com.acme.Login required a=SECRET;"},
			"plain.sasl.jaas.config cannot be used: the login module com.acme.Login cannot run"},
		"module of SCRAM": {map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-256",
			"scram-sha-256.sasl.jaas.config": secretLine},
			"scram-sha-256.sasl.jaas.config cannot be used: the login module org.apache"},
		"class": {map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-256",
			"scram-sha-256.sasl.server.callback.handler.class": "com.acme.Handler"},
			"scram-sha-256.sasl.server.callback.handler.class names a Java class that cannot run"},
		"size": {map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-256",
			"sasl.server.max.receive.size": "-1"},
			"sasl.server.max.receive.size is not a number from 1 to 8388608; Kafka's default is"},
		"reauth": {map[string]string{"sasl.enabled.mechanisms": "SCRAM-SHA-256",
			"scram-sha-256.connections.max.reauth.ms": "1h"},
			"scram-sha-256.connections.max.reauth.ms is not a number from 0 to"},
	} {
		_, problems := sasl.Parse(test.keys)
		if got := texts(problems); len(problems) != 1 || !strings.HasPrefix(got, test.want) ||
			strings.Contains(got, "SECRET") {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestParseClients(t *testing.T) {
	t.Parallel()
	peer := map[string]string{"sasl.mechanism.controller.protocol": "PLAIN",
		"plain.sasl.jaas.config": secretLine}
	s, problems := sasl.ParsePeer(peer)
	if len(problems) > 0 || s.Mechanism != "PLAIN" || s.User != "u" ||
		s.Password.Reveal() != "SECRET" {
		t.Errorf("%+v, %s", s, texts(problems))
	}
	s, problems = sasl.ParseClient(map[string]string{"sasl.mechanism": "SCRAM-SHA-512",
		"sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required " +
			"username=id password=\"aGk=\" tokenauth=true;"})
	if len(problems) > 0 || s.User != "id" || s.Password.Reveal() != "aGk=" || !s.TokenAuth {
		t.Errorf("%+v, %s", s, texts(problems))
	}
	s, problems = sasl.ParseClient(map[string]string{"sasl.mechanism": "OAUTHBEARER",
		"sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer." +
			"OAuthBearerLoginModule required clientId=x extension_logicalCluster=lkc;"})
	if len(problems) > 0 || !maps.Equal(s.Extensions, map[string]string{"logicalCluster": "lkc"}) {
		t.Errorf("%+v, %s", s, texts(problems))
	}
	for name, test := range map[string]struct {
		change [2]string
		want   string
	}{
		"none": {[2]string{"sasl.mechanism.controller.protocol", "-"},
			"sasl.mechanism.controller.protocol is not set, and its default, GSSAPI"},
		"other": {[2]string{"sasl.mechanism.controller.protocol", "EXTERNAL"},
			"sasl.mechanism.controller.protocol is not a supported mechanism; name one of"},
		"no line": {[2]string{"plain.sasl.jaas.config", "-"},
			"plain.sasl.jaas.config is not set, which says as whom to authenticate by PLAIN"},
		"no user": {[2]string{"plain.sasl.jaas.config", "org.apache.kafka.common.security.plain." +
			"PlainLoginModule required user_a=SECRET;"},
			"plain.sasl.jaas.config lacks the options username and password"},
	} {
		keys := maps.Clone(peer)
		keys[test.change[0]] = test.change[1]
		if test.change[1] == "-" {
			delete(keys, test.change[0])
		}
		_, problems := sasl.ParsePeer(keys)
		if got := texts(problems); len(problems) != 1 || !strings.HasPrefix(got, test.want) ||
			strings.Contains(got, "SECRET") {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}
