package node

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/certs/certstest"
	"github.com/yakt/yakt/security/oauth/oauthtest"
	"github.com/yakt/yakt/security/sasl"
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
	q.t.Helper()
	var voters []string
	for i, port := range q.ports {
		voters = append(voters, fmt.Sprintf("%d@%s:%d", i+1, q.host(i+1), port))
	}
	lines := append([]string{
		fmt.Sprintf("listeners=CONTROLLER://%s:%d", q.host(id), q.ports[id-1]),
		"listener.security.protocol.map=CONTROLLER:" + q.protocol,
		"yakt.wal.segment.bytes=1048576", "controller.quorum.election.timeout.ms=2000",
	}, q.lines...)
	if strings.HasSuffix(q.protocol, "SSL") {
		lines = append(lines, "ssl.client.auth=required")
		lines = append(lines, q.tls(q.ca, certstest.CN("controllers", q.host(id)))...)
		lines = append(lines, "ssl.principal.mapping.rules=RULE:^CN=([^,]*).*$/$1/")
	}
	cfg := configFor(q.t, id, filepath.Join(q.t.TempDir(), "d"),
		"controller.quorum.voters="+strings.Join(voters, ","), append(lines, more...)...)
	format(q.t, cfg, Format{Scram: q.scram})
	return cfg
}

// host is the name of a node, for which its certificate is.
func (q *securedQuorum) host(id int) string {
	if id == 2 {
		return "localhost"
	}
	return "127.0.0.1"
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
				certificates := n.guard.expiries()
				if hasTLS := strings.HasPrefix(name, "SSL") || strings.HasPrefix(name, "SASL_SSL"); hasTLS !=
					slices.ContainsFunc(certificates, func(c httpapi.Certificate) bool {
						return c.Listener == "CONTROLLER" && c.Store == "keystore" && !c.NotAfter.IsZero()
					}) {
					t.Errorf("node %d: certificates %v", n.cfg.NodeID, certificates)
				}
				for _, p := range n.log.Peers() {
					if !p.Connected {
						t.Errorf("node %d: node %d: %s", n.cfg.NodeID, p.NodeID, p.LastError)
					}
				}
			}
		})
	}
}

// watchedLog is a log whose lines can be waited for.
type watchedLog struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed by the next line
}

func newWatchedLog() *watchedLog { return &watchedLog{more: make(chan struct{})} }

func (l *watchedLog) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *watchedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *watchedLog) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

// await waits for a line that contains a text.
func (l *watchedLog) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(patience)
	for {
		text, more := l.read()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("no line has %q:\n%s", want, text)
		}
	}
}

// TestOddPeers: a third node that is not what it should be gets no answer but a refusal, and both
// sides say why. A node that is not authorized learns nothing about the quorum.
func TestOddPeers(t *testing.T) {
	t.Parallel()
	foreign := certstest.NewCA(t, "foreign")
	plain := func(line string) string { return jaasLine("PLAIN", plainModule+line) }
	for name, c := range map[string]struct {
		protocol string
		lines    []string                        // of all nodes
		odd      func(q *securedQuorum) []string // of node 3
		says     string                          // in its log
		heard    string                          // in the log of node 1
	}{
		"plaintext": {
			protocol: "SSL",
			odd: func(*securedQuorum) []string {
				return []string{"listener.security.protocol.map=CONTROLLER:PLAINTEXT"}
			},
			says:  "the client speaks TLS and this listener does not",
			heard: "this listener is SSL and the client speaks Kafka's protocol without TLS",
		},
		"foreign authority": {
			protocol: "SSL",
			odd: func(q *securedQuorum) []string {
				return q.tls(foreign, certstest.CN("controllers"))
			},
			says:  "certificate signed by unknown authority",
			heard: "certificate signed by unknown authority",
		},
		"the certificate of node 2": {
			protocol: "SSL",
			odd: func(q *securedQuorum) []string {
				return q.tls(q.ca, certstest.CN("controllers", q.host(2)))
			},
			says:  "nobody confirms at the address of node 3 that it has connected to node 1",
			heard: "cannot validate certificate for 127.0.0.1",
		},
		"another principal": {
			protocol: "SSL",
			odd: func(q *securedQuorum) []string {
				return q.tls(q.ca, certstest.CN("eve"))
			},
			says:  "User:eve may not act as a controller: it needs CLUSTER_ACTION on the cluster",
			heard: "limit=peers",
		},
		"wrong password": {
			protocol: "SASL_SSL", lines: plainLines("secret"),
			odd: func(*securedQuorum) []string {
				return []string{plain(`username="controllers" password="canary" user_controllers="secret";`)}
			},
			says:  "the server refuses the authentication",
			heard: "PLAIN",
		},
		"a user without rights": {
			protocol: "SASL_PLAINTEXT", lines: plainLines("secret"),
			odd: func(*securedQuorum) []string {
				return []string{plain(`username="eve" password="eve" user_controllers="secret";`)}
			},
			says:  "User:eve may not act as a controller",
			heard: "principal=User:eve",
		},
		"another mechanism": {
			protocol: "SASL_PLAINTEXT", lines: plainLines("secret"),
			odd:   func(*securedQuorum) []string { return scramLines("secret") },
			says:  "the server does not enable this SASL mechanism, but [PLAIN]",
			heard: "the mechanism",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newSecuredQuorum(t, c.protocol, c.lines...)
			heard, says := newWatchedLog(), newWatchedLog()
			first := startNode(t, q.config(1), heard.logger())
			startNode(t, q.config(2), discard)
			startNode(t, q.config(3, c.odd(q)...), says.logger())
			says.await(t, c.says)
			heard.await(t, c.heard)
			if s := first.log.Status(); s.Leader >= 0 {
				t.Errorf("a leader, %d, without all voters", s.Leader)
			}
			text, _ := says.read()
			knows := strings.Contains(strings.ReplaceAll(text, "cluster="+testCluster, ""), testCluster)
			if knows || strings.Contains(text, "canary") {
				t.Errorf("a stranger learns the cluster's id, or a password is logged:\n%s", text)
			}
		})
	}
}

// TestScramQuorumsRestart: controllers authenticate by SCRAM after all of them have stopped, with
// the credentials that each has on its disk.
func TestScramQuorumsRestart(t *testing.T) {
	t.Parallel()
	q := newSecuredQuorum(t, "SASL_PLAINTEXT", scramLines("secret")...)
	q.scram = []string{"SCRAM-SHA-512=[name=controllers,password=secret]"}
	all := q.start()
	for _, n := range all {
		awaitController(t, n)
	}
	for _, n := range all {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_ = n.Stop(ctx)
		cancel()
	}
	for i, n := range all {
		all[i] = startNode(t, n.cfg, discard)
	}
	awaitMore(t, all[0])
}

// TestScramPasswordsChange: a node that was away while the password of the controllers was changed
// catches up once it is configured with the new one.
func TestScramPasswordsChange(t *testing.T) {
	t.Parallel()
	q := newSecuredQuorum(t, "SASL_PLAINTEXT", scramLines("secret")...)
	q.scram = []string{"SCRAM-SHA-512=[name=controllers,password=secret]"}
	all := q.start()
	for _, n := range all {
		awaitController(t, n)
	}
	leader, away := leaderOf(t, all), all[0]
	if leader == away {
		away = all[1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = away.Stop(ctx)
	changePassword(t, leader, "changed")
	for i, n := range all {
		_ = n.Stop(ctx)
		text, err := os.ReadFile(n.cfg.Path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte(`password="secret"`), []byte(`password="changed"`))
		if err := os.WriteFile(n.cfg.Path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := config.Load(n.cfg.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = startNode(t, cfg, discard)
	}
	awaitMore(t, all[away.cfg.NodeID-1])
}

// changePassword changes that of the controllers.
func changePassword(t *testing.T, leader *Node, password string) {
	t.Helper()
	change := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	change.Name, change.Mechanism, change.Iterations = "controllers", 2, scramIterationsMin
	change.Salt = []byte("salt")
	var err error
	change.SaltedPassword, err = sasl.Salt(sasl.ScramSHA512, password, change.Salt,
		scramIterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	req.Upsertions = append(req.Upsertions, change)
	answers := make(chan kmsg.Response, 1)
	leader.controller.Handle(t.Context(), kafkaproto.Caller{Principal: "User:controllers"}, req,
		func(r kmsg.Response) { answers <- r })
	answer := (<-answers).(*kmsg.AlterUserSCRAMCredentialsResponse)
	if len(answer.Results) != 1 || answer.Results[0].ErrorCode != 0 {
		t.Fatalf("%+v", answer)
	}
}

// awaitMore waits until more is committed, which needs a leader.
func awaitMore(t *testing.T, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end := n.controller.Image().EndOffset()
	for n.controller.Image().EndOffset() == end {
		if err := n.controller.Await(ctx, feed.AudienceAll, end-1); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhoMayBeAPeer: with an authorizer a peer needs CLUSTER_ACTION or to be a super user; without
// one it must have authenticated where that is possible. Peers use the first listener alone.
func TestWhoMayBeAPeer(t *testing.T) {
	t.Parallel()
	const two = "listeners=CONTROLLER://127.0.0.1:0,OTHER://127.0.0.1:0\n" +
		"controller.listener.names=CONTROLLER,OTHER\n"
	const plain = "listener.security.protocol.map=CONTROLLER:SASL_PLAINTEXT,OTHER:PLAINTEXT"
	anonymous := "listener.security.protocol.map=CONTROLLER:PLAINTEXT,OTHER:PLAINTEXT"
	for name, c := range map[string]struct {
		lines     []string
		listener  string
		principal string
		want      string
	}{
		"a super user":       {[]string{plain, withAuthorizer, superUser}, "", "User:controllers", ""},
		"another user":       {[]string{plain, withAuthorizer, superUser}, "", "User:x", "CLUSTER_ACTION"},
		"nobody":             {[]string{plain}, "", protocol.Anonymous, "has not authenticated"},
		"anybody":            {[]string{plain}, "", "User:x", ""},
		"the other listener": {[]string{plain}, "OTHER", "User:x", "at the first of"},
		"plaintext":          {[]string{anonymous}, "", protocol.Anonymous, ""},
		"another plaintext":  {[]string{anonymous}, "OTHER", protocol.Anonymous, ""},
		"authorized plaintext": {
			[]string{anonymous, withAuthorizer}, "", protocol.Anonymous, "CLUSTER_ACTION",
		},
	} {
		lines := append([]string{two, "sasl.enabled.mechanisms=SCRAM-SHA-256"}, c.lines...)
		cfg := configFor(t, 1, t.TempDir(), staticOne, lines...)
		n := &Node{cfg: cfg, guard: &guard{}, loggers: loglevel.Of(discard), storage: &storage{}}
		n.controller = controller.New(n.controllerConfig())
		err := n.mayBePeer(kafkaproto.Caller{
			Listener: cmp.Or(c.listener, "CONTROLLER"), Principal: c.principal,
			ClientAddr: "127.0.0.1",
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDynamicCertificates: certificates that dynamic configs name are used from then on, and those
// that cannot be used change nothing.
func TestDynamicCertificates(t *testing.T) {
	t.Parallel()
	q := newSecuredQuorum(t, "SSL")
	cfg := q.config(1)
	g, err := openGuard(cfg, discard, credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	applied := map[string]map[string]string{"CONTROLLER": cfg.SecurityKeys("CONTROLLER", nil)}
	serial := func() string { return g.stores["CONTROLLER"].Expiries()[0].Serial }
	first := serial()
	set := func(location string) {
		e := metadata.Empty().Edit()
		err := e.Replay(0, &record.Config{
			ResourceType: brokerResource, ResourceName: "1",
			Name:  "listener.name.controller.ssl.keystore.location",
			Value: &location,
		})
		if err != nil {
			t.Fatal(err)
		}
		g.apply(e.Image(), applied)
	}
	set("/nowhere")
	if serial() != first {
		t.Error("a store that is not there is used")
	}
	path := filepath.Join(t.TempDir(), "next")
	q.ca.Issue(t, certstest.CN("controllers", q.host(1))).Write(t, certstest.PEM, path)
	set(path)
	if serial() == first {
		t.Error("the new certificate is not used")
	}
	if all := g.expiries(); len(all) != 2 || all[0].Listener != "CONTROLLER" {
		t.Errorf("%+v", all)
	}
}
