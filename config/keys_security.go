package config

import (
	"strings"
	"time"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

// authorizationKeys say who may do what.
func authorizationKeys() []use {
	return []use{
		{
			name: "authorizer.class.name",
			doc: "Empty, or `org.apache.kafka.metadata.authorizer.StandardAuthorizer`; no other class " +
				"can run here. Empty: anyone who can reach a listener, and authenticate there if it asks " +
				"for that, can do anything.",
		},
		{
			name: "super.users", typ: "string", def: null,
			doc: "Principals that may do everything, as `User:name`, separated by semicolons. Before a " +
				"node has read the ACLs in its log, nobody else may do anything: controllers should be " +
				"among them, so that a quorum can start.",
		},
		{
			name: "allow.everyone.if.no.acl.found", typ: "boolean", def: "false",
			doc:  "Whether a resource without any ACL is open to everyone.",
			bind: toBool(func(c *Config) *bool { return &c.Security.AllowEveryoneIfNoACL }),
		},
		{
			name: "early.start.listeners",
			doc:  "Names of listeners; each must be a controller listener.",
			void: "every listener opens at once, and only super users are let in until the ACLs are read",
		},
		{
			name: "principal.builder.class",
			doc: "Kafka's default, which takes the user from the certificate or from SASL; no other " +
				"class can run here.",
			void: "it has one valid value",
		},
		{
			name: "security.providers",
			doc:  "Must not be set: Java's providers of cryptography cannot run here.",
		},
	}
}

// tokenKeys configure delegation tokens.
func tokenKeys() []use {
	return []use{
		{
			name: "delegation.token.secret.key",
			doc: "Key that signs delegation tokens, the same on all controllers and brokers; without it " +
				"there are no tokens.",
			bind: toString(func(c *Config) *string { return &c.Security.DelegationToken.SecretKey }),
		},
		{
			name: "delegation.token.max.lifetime.ms", unit: "ms",
			doc: "Longest life of a delegation token.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.MaxLifetime }),
		},
		{
			name: "delegation.token.expiry.time.ms", unit: "ms",
			doc: "A delegation token must be renewed within this time.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.ExpiryTime }),
		},
		{
			name: "delegation.token.expiry.check.interval.ms", unit: "ms",
			doc: "How often expired delegation tokens are removed.",
			bind: toDuration(time.Millisecond,
				func(c *Config) *time.Duration { return &c.Security.DelegationToken.CheckInterval }),
		},
	}
}

const ofJVM = "it names a part of a Java virtual machine."

// tlsKeys configure TLS. security/certs reads them.
func tlsKeys() []use {
	return []use{
		{
			name: "ssl.keystore.type",
			doc:  "Format of the key store: JKS, PKCS12 or PEM.",
		},
		{
			name: "ssl.keystore.location",
			doc: "File with this node's key and certificate chain. It is read again when it changes, " +
				"and the new certificate is used from the next connection on.",
		},
		{
			name: "ssl.keystore.password",
			doc:  "Password of the key store; PEM has none.",
		},
		{
			name: "ssl.key.password",
			doc:  "Password of the key in the key store, if it has one of its own.",
		},
		{
			name: "ssl.keystore.key",
			doc:  "The key itself, in PEM (PKCS#8), instead of a file.",
		},
		{
			name: "ssl.keystore.certificate.chain",
			doc:  "The certificate chain itself, in PEM, instead of a file.",
		},
		{
			name: "ssl.truststore.type",
			doc:  "Format of the trust store: JKS, PKCS12 or PEM.",
		},
		{
			name: "ssl.truststore.location",
			doc: "File with the certificates of the authorities that are trusted, for clients and for " +
				"other controllers. It is read again when it changes. Without one, the system's are " +
				"trusted.",
		},
		{
			name: "ssl.truststore.password",
			doc:  "Password of the trust store.",
		},
		{
			name: "ssl.truststore.certificates",
			doc:  "The trusted certificates themselves, in PEM, instead of a file.",
		},
		{
			name: "ssl.client.auth",
			doc: "Whether clients must (required), may (requested) or need not (none) show a " +
				"certificate. On SASL listeners the certificate is checked, and SASL says who the client is.",
		},
		{
			name: "ssl.enabled.protocols",
			doc:  "Versions of TLS that are accepted.",
		},
		{
			name: "ssl.protocol",
			doc:  "Newest version of TLS that this node offers as a client.",
		},
		{
			name: "ssl.cipher.suites",
			doc:  "Cipher suites; empty is a safe choice.",
		},
		{
			name: "ssl.endpoint.identification.algorithm",
			doc: "`https`: the certificate of another controller must be for the host that was dialled; " +
				"empty: any certificate that is trusted will do.",
		},
		{
			name: "ssl.principal.mapping.rules",
			doc: "Rules that make a user name from the distinguished name of a certificate: " +
				"`RULE:pattern/replacement/[LU]`, several separated by commas, and `DEFAULT`.",
		},
		{
			name: "ssl.allow.dn.changes",
			doc:  "Whether a new certificate may have another distinguished name.",
		},
		{
			name: "ssl.allow.san.changes",
			doc:  "Whether a new certificate may lack names that the present one has.",
		},
		{name: "ssl.provider", doc: "Must not be set: " + ofJVM},
		{name: "ssl.secure.random.implementation", doc: "Must not be set: " + ofJVM},
		{name: "ssl.keymanager.algorithm", doc: "Must not be set, except to SunX509: " + ofJVM},
		{name: "ssl.trustmanager.algorithm", doc: "Must not be set, except to PKIX: " + ofJVM},
		{
			name: "ssl.engine.factory.class",
			doc:  "Must not be set, except to Kafka's default: a Java class cannot run here.",
		},
	}
}

// saslDocs says more than Kafka's sentence about some of the SASL keys.
var saslDocs = map[string]string{
	"sasl.enabled.mechanisms": "Mechanisms by which clients may authenticate: PLAIN, SCRAM-SHA-256, " +
		"SCRAM-SHA-512, OAUTHBEARER. Kafka's default, GSSAPI (Kerberos), is not served: see " +
		"docs/kerberos.md.",
	"sasl.jaas.config": "Login module and its options, which may hold passwords. A listener takes " +
		"the one that is set for its mechanism: `listener.name.<listener>.<mechanism>." +
		"sasl.jaas.config`. Files of the JVM (java.security.auth.login.config) are not read.",
	"sasl.mechanism.controller.protocol": "Mechanism by which this node authenticates at the other " +
		"controllers, with what sasl.jaas.config of their common listener says.",
	"sasl.server.max.receive.size": "Longest message of a client that has not authenticated yet.",
}

// saslKeys configure SASL. security/sasl and security/oauth read them.
func saslKeys() []use {
	keys := []use{
		{
			name: "connections.max.reauth.ms", unit: "ms",
			doc: "Longest time until a client of SASL must authenticate again; 0: only when its " +
				"credentials expire.",
		},
		{
			name: "connection.failed.authentication.delay.ms", unit: "ms",
			doc: "How long the answer to a failed authentication is delayed.",
		},
	}
	for _, known := range kafkakeys.All() {
		if !strings.HasPrefix(known.Name, "sasl.") ||
			known.Name == "sasl.mechanism.inter.broker.protocol" {
			continue
		}
		u := use{name: known.Name, doc: saslDocs[known.Name]}
		if strings.HasPrefix(known.Name, "sasl.kerberos.") {
			u.void = "GSSAPI (Kerberos) is not served"
		}
		if u.doc == "" {
			u.doc = kafkakeys.Doc(known.Name)
		}
		u.unit = unitsByEnding[u.name[strings.LastIndexByte(u.name, '.')+1:]]
		keys = append(keys, u)
	}
	return keys
}

var unitsByEnding = map[string]string{"ms": "ms", "seconds": "s"}
