package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// secured is a file with a listener of SASL_SSL and one of SSL.
const secured = `process.roles=controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=INNER://localhost:9093,Outer://localhost:9094
controller.listener.names=INNER,OUTER
listener.security.protocol.map=INNER:SASL_SSL,OUTER:SSL
listener.name.inner.sasl.enabled.mechanisms=SCRAM-SHA-256
log.dirs=/data
`

// plainLine is a JAAS line of PLAIN.
const plainLine = "org.apache.kafka.common.security.plain.PlainLoginModule required " +
	"user_a=\"canary\";"

// The keys of a listener are those of all listeners, overridden by its own; a SASL mechanism's keep
// its prefix. Dynamic configs count only where they name the listener.
func TestSecurityKeys(t *testing.T) {
	t.Setenv("YAKT_LISTENER_NAME_INNER_SCRAM_SHA_512_SASL_JAAS_CONFIG", "from the environment")
	t.Setenv("YAKT_LISTENER_NAME_INNER_SSL_KEYSTORE_TYPE", "PEM")
	c, notices := mustLoad(t, write(t, "c.properties", secured+`
ssl.keystore.location=/common
ssl.keystore.password=canary
ssl.client.auth=requested
listener.name.inner.ssl.keystore.location=/inner
listener.name.inner.plain.sasl.jaas.config=`+plainLine+`
listener.name.outer.ssl.client.auth=required
listener.name.elsewhere.ssl.client.auth=none
`), map[string]string{"listener.name.inner.ssl.keystore.type": "PKCS12"})
	inner := map[string]string{
		"ssl.keystore.location": "/inner", "ssl.keystore.type": "PKCS12",
		"ssl.client.auth": "requested", "plain.sasl.jaas.config": plainLine,
		"ssl.keystore.password":          "canary",
		"scram-sha-512.sasl.jaas.config": "from the environment",
		"sasl.enabled.mechanisms":        "SCRAM-SHA-256",
	}
	outer := map[string]string{
		"ssl.keystore.location": "/common", "ssl.keystore.password": "canary",
		"ssl.client.auth": "required",
	}
	http := maps.Clone(outer)
	http["ssl.client.auth"] = "requested"
	for name, want := range map[string]map[string]string{"INNER": inner, "Outer": outer, "HTTP": http} {
		if got := c.SecurityKeys(name, nil); !maps.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	outer["ssl.keystore.location"] = "/dynamic"
	if got := c.SecurityKeys("OUTER", map[string]string{
		"listener.name.outer.ssl.keystore.location": "/dynamic", "ssl.client.auth": "none",
	}); !maps.Equal(got, outer) {
		t.Errorf("with dynamic configs: %v", got)
	}
	if len(notices) != 3 || !strings.Contains(notices[0].Text, "listener.name.elsewhere.") ||
		!strings.HasPrefix(notices[1].Text, "ssl.client.auth asks for certificates of clients") ||
		!strings.HasPrefix(notices[2].Text, "listener.name.outer.ssl.client.auth asks for") {
		t.Errorf("%q", notices)
	}
}

// What is configured for the connections of a listener and would not be enforced stops the start.
func TestUnenforcedSecurity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"principal.builder.class=com.example.Builder": "principal.builder.class=com.example.Builder " +
			"(c.properties:9) is a Java class, which cannot run here; remove it: Kafka's own " +
			"DefaultKafkaPrincipalBuilder is what is done here",
		"listener.name.outer.ssl.engine.factory.class=com.example.F": "(c.properties:9) is a Java " +
			"class, which cannot run here; remove it: Kafka's own DefaultSslEngineFactory is what",
		"security.providers=com.example.P": "security.providers=com.example.P (c.properties:9) is a " +
			"Java class, which cannot run here; remove it",
		"early.start.listeners=INNER,X": "early.start.listeners=INNER,X (c.properties:9) has X, which " +
			"is not among the listeners; remove it, or leave the key out",
		"listener.name.outer.plain.sasl.jaas.config=canary": "listener.name.outer.plain.sasl.jaas." +
			"config=[hidden] (c.properties:9) has no effect: the listener OUTER is SSL; remove it, or " +
			"change the listener's protocol in listener.security.protocol.map",
		"listener.name.http.ssl.client.auth=required": "has no effect: the listener HTTP is " +
			"PLAINTEXT; remove it, or change the listener's protocol in yakt.http.security.protocol",
		"listener.name.outer.ssl.client.auht=required": "listener.name.outer.ssl.client.auht " +
			"(c.properties:9) is not a key of Kafka 4.4 for a listener; did you mean " +
			"listener.name.outer.ssl.client.auth?",
		"listener.name.OUTER.ssl.client.auth=required": "did you mean " +
			"listener.name.outer.ssl.client.auth?",
		"listener.name.inner.PLAIN.sasl.jaas.config=canary": "did you mean " +
			"listener.name.inner.plain.sasl.jaas.config?",
		"listener.name.inner.sasl.mechanism.controller.protocol=PLAIN": "cannot be set for one " +
			"listener; set sasl.mechanism.controller.protocol",
		"listener.name.outer.ssl.client.auth=always": "listener.name.outer.ssl.client.auth=always " +
			"(c.properties:9) is not one of the choices; give one of required, requested, none",
	} {
		_, _, err := Load(write(t, "c.properties", secured+text+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// Kafka's own classes are what is done here, and may be named.
func TestKafkasOwnClasses(t *testing.T) {
	t.Parallel()
	for key, class := range javaClasses {
		if class != "" {
			mustLoad(t, write(t, "c.properties", secured+key+"="+class+"\n"), nil)
		}
	}
}

// A file that is shared with brokers may hold keys of TLS and SASL that this controller does not
// need.
func TestUnusedSecurity(t *testing.T) {
	t.Parallel()
	_, notices := mustLoad(t, write(t, "c.properties", minimal+
		"ssl.keystore.location=/x\nsasl.jaas.config=canary\nssl.engine.factory.class=a.B\n"+
		"security.providers=a.B\n"), nil)
	want := "accepted, and without effect on this controller: sasl.jaas.config (no listener uses " +
		"SASL), security.providers (no listener uses TLS or SASL), ssl.engine.factory.class (no " +
		"listener uses TLS), ssl.keystore.location (no listener uses TLS)"
	if len(notices) != 1 || notices[0].Text != want {
		t.Errorf("%q", notices)
	}
}

// HTTP beyond this machine needs TLS and credentials, or a key that says otherwise. Where an
// authorizer decides, that key is refused unless requests without credentials may do everything.
func TestProtectedHTTP(t *testing.T) {
	t.Parallel()
	const (
		beyond = minimal + "yakt.http.listeners=:8093\n" +
			"ssl.keystore.location=/k\nssl.keystore.type=PEM\n" +
			"sasl.enabled.mechanisms=SCRAM-SHA-512\n"
		authorizer = "authorizer.class.name=" + standardAuthorizer + "\n"
	)
	for text, want := range map[string]SecurityProtocol{
		minimal: Plaintext,
		beyond + "yakt.http.security.protocol=SASL_SSL\n":                             SASLSSL,
		beyond + "yakt.http.security.protocol=SSL\nssl.client.auth=required\n":        SSL,
		beyond + "yakt.http.insecure=true\n":                                          Plaintext,
		beyond + "yakt.http.insecure=true\nsuper.users=User:ANONYMOUS\n" + authorizer: Plaintext,
		minimal + "yakt.http.security.protocol=SASL_PLAINTEXT\nsasl.enabled.mechanisms=SCRAM-SHA-256\n" +
			authorizer: SASLPlaintext,
		beyond + "yakt.http.security.protocol=SASL_SSL\nsuper.users=User:a\n" + authorizer: SASLSSL,
	} {
		c, _ := mustLoad(t, write(t, "c.properties", text), nil)
		equal(t, text, c.HTTP.Protocol, want)
	}
}

// TestExposed: what others on the network could do is said once, and nothing is said of a node that
// only its machine reaches.
func TestExposed(t *testing.T) {
	t.Parallel()
	far := strings.Replace(minimal, "1@localhost:9093", "1@127.0.0.1:9093,2@b:9093", 1)
	for text, want := range map[string]string{
		minimal: "",
		secured: "",
		far: "listener.security.protocol.map gives CONTROLLER the protocol PLAINTEXT, and other " +
			"controllers are on other machines",
		strings.Replace(minimal, "//localhost", "//a", 1): "authorizer.class.name is not set: everyone",
		strings.Replace(secured, "INNER:SASL_SSL", "INNER:PLAINTEXT", 1): "listener.security." +
			"protocol.map secures a listener, but controllers talk to each other over the first of " +
			"controller.listener.names, INNER, which is PLAINTEXT",
	} {
		text = strings.Replace(text, "listener.name.inner.sasl.enabled.mechanisms=SCRAM-SHA-256\n", "", 1)
		if want == "" && strings.Contains(text, "SASL_SSL") {
			text += "sasl.enabled.mechanisms=SCRAM-SHA-256\n"
		}
		_, notices, err := Load(write(t, "c.properties", text), nil)
		notices = slices.DeleteFunc(notices, func(n Notice) bool { return n.Kind != Exposed })
		if err != nil || (want == "") != (len(notices) == 0) ||
			want != "" && (len(notices) != 1 || !strings.HasPrefix(notices[0].Text, want)) {
			t.Errorf("%s\ngot %v, %q\nwant %q", text, err, notices, want)
		}
	}
}
