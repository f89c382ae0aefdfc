package node

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/security/certs/certstest"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

const (
	plainModule = "org.apache.kafka.common.security.plain.PlainLoginModule required "
	scramModule = "org.apache.kafka.common.security.scram.ScramLoginModule required "
	oauthModule = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
	superUser   = "super.users=User:controllers"
)

// securedQuorum makes the configurations of three nodes that authenticate at each other.
type securedQuorum struct {
	t        *testing.T
	protocol string
	ca       *certstest.CA
	ports    []int
	lines    []string // for all of them
	scram    []string // as --add-scram
}

func newSecuredQuorum(t *testing.T, protocol string, lines ...string) *securedQuorum {
	return &securedQuorum{
		t: t, protocol: protocol, ca: certstest.NewCA(t, "quorum"), ports: freePorts(t, 3),
		lines: append(lines, withAuthorizer, superUser),
	}
}

// tls returns the keys of a certificate by an authority.
func (q *securedQuorum) tls(ca *certstest.CA, names certstest.Names) (lines []string) {
	keys := ca.Files(q.t, q.t.TempDir(), "node", certstest.PEM, ca.Issue(q.t, names))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		lines = append(lines, key+"="+keys[key])
	}
	return lines
}

// config is the configuration of a node: what it has in common with the others, and more lines.
// Later lines count.
func (q *securedQuorum) config(id int, more ...string) *config.Config {
	var voters []string
	for i, port := range q.ports {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, port))
	}
	lines := append([]string{
		fmt.Sprintf("listeners=CONTROLLER://127.0.0.1:%d", q.ports[id-1]),
		"listener.security.protocol.map=CONTROLLER:" + q.protocol,
		"yakt.wal.segment.bytes=1048576", "controller.quorum.election.timeout.ms=2000",
	}, q.lines...)
	if strings.HasSuffix(q.protocol, "SSL") {
		lines = append(lines, "ssl.client.auth=required")
		lines = append(lines, q.tls(q.ca, certstest.CN("controllers"))...)
		lines = append(lines, "ssl.principal.mapping.rules=RULE:^CN=([^,]*).*$/$1/")
	}
	cfg := configFor(q.t, id, filepath.Join(q.t.TempDir(), "d"),
		"controller.quorum.voters="+strings.Join(voters, ","), append(lines, more...)...)
	format(q.t, cfg, Format{Scram: q.scram})
	return cfg
}

func (q *securedQuorum) start() (all []*Node) {
	for id := 1; id <= 3; id++ {
		all = append(all, startNode(q.t, q.config(id), discard))
	}
	return all
}

func jaasLine(mechanism, line string) string {
	return "listener.name.controller." + strings.ToLower(mechanism) + ".sasl.jaas.config=" + line
}

func saslLines(mechanism string) []string {
	return []string{
		"sasl.enabled.mechanisms=" + mechanism, "sasl.mechanism.controller.protocol=" + mechanism,
	}
}

func plainLines(password string) []string {
	return append(saslLines("PLAIN"), jaasLine("PLAIN", plainModule+
		`username="controllers" password="`+password+`" user_controllers="secret" user_eve="eve";`))
}

func scramLines(password string) []string {
	return append(saslLines("SCRAM-SHA-512"), jaasLine("SCRAM-SHA-512", scramModule+
		`username="controllers" password="`+password+`";`))
}

// TestSecuredQuorums: three controllers elect a leader and replicate over each protocol and
// mechanism.
func TestSecuredQuorums(t *testing.T) {
	t.Parallel()
	issuer := oauthtest.New(t)
	_, jwks := issuer.JWKSFile(t)
	_, token := oauthtest.File(t, "token", []byte(issuer.Token("controllers", nil)))
	oauth := append(saslLines("OAUTHBEARER"), jaasLine("OAUTHBEARER", oauthModule),
		"sasl.oauthbearer.jwks.endpoint.url="+jwks, "sasl.oauthbearer.token.endpoint.url="+token,
		"sasl.oauthbearer.allow.unverified.audience=true",
		"sasl.oauthbearer.allow.unverified.issuer=true",
		"listener.name.controller.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka."+
			"common.security.oauthbearer.OAuthBearerValidatorCallbackHandler")
	scram := newSecuredQuorum(t, "SASL_SSL", scramLines("secret")...)
	scram.scram = []string{"SCRAM-SHA-512=[name=controllers,password=secret]"}
	for name, q := range map[string]*securedQuorum{
		"SSL":              newSecuredQuorum(t, "SSL"),
		"SASL_SSL PLAIN":   newSecuredQuorum(t, "SASL_SSL", plainLines("secret")...),
		"SASL_PLAINTEXT":   newSecuredQuorum(t, "SASL_PLAINTEXT", plainLines("secret")...),
		"SASL_SSL SCRAM":   scram,
		"SASL_PLAIN OAUTH": newSecuredQuorum(t, "SASL_PLAINTEXT", oauth...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q.t = t
			all := q.start()
			for _, n := range all {
				awaitController(t, n)
			}
			for _, n := range all {
				for _, p := range n.log.Peers() {
					if !p.Connected {
						t.Errorf("node %d: node %d: %s", n.cfg.NodeID, p.NodeID, p.LastError)
					}
				}
			}
		})
	}
}

var _ = slog.LevelInfo
var _ = os.Getenv
