package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security/certs/certstest"
)

// secured is a node whose HTTP and debug listeners have TLS, passwords, tokens and certificates.
// The users admin, of PLAIN, and boss, by a certificate, may do everything.
type secured struct {
	server, debug string // host:port
	url           string
	ca, cert, key string // files
	ca2           string // another authority's
	dir           string
	log           *logtest.Buffer
}

func startSecured(t *testing.T, changes map[string]string) *secured {
	t.Helper()
	dir := t.TempDir()
	ca, other := certstest.NewCA(t, "ca"), certstest.NewCA(t, "other")
	s := &secured{
		dir: dir, ca: filepath.Join(dir, "ca.pem"), cert: filepath.Join(dir, "boss.pem"),
		key: filepath.Join(dir, "boss.key"), ca2: filepath.Join(dir, "ca2.pem"),
		log: new(logtest.Buffer), debug: freeAddress(t),
	}
	boss := ca.Issue(t, certstest.CN("boss"))
	writeFile(t, s.ca, ca.PEM())
	writeFile(t, s.ca2, other.PEM())
	writeFile(t, s.cert, boss.ChainPEM())
	writeFile(t, s.key, boss.KeyPEM(t))
	if err := os.Chmod(s.key, 0o600); err != nil {
		t.Fatal(err)
	}
	settings := ca.Files(t, dir, "node", certstest.PEM, ca.Issue(t, certstest.CN("node")))
	maps.Copy(settings, map[string]string{
		"node.id": "1", "controller.quorum.bootstrap.servers": "127.0.0.1:1",
		"controller.listener.names": "CONTROLLER", "listeners": "CONTROLLER://127.0.0.1:0",
		"log.dirs": filepath.Join(dir, "data"), "metadata.max.idle.interval.ms": "0",
		"yakt.http.listeners": "127.0.0.1:0", "yakt.http.security.protocol": "SASL_SSL",
		"yakt.debug.listeners":               s.debug,
		"listener.name.http.ssl.client.auth": "requested",
		"ssl.principal.mapping.rules":        "RULE:^CN=(.*)$/$1/",
		"sasl.enabled.mechanisms":            "PLAIN,SCRAM-SHA-256",
		"delegation.token.secret.key":        "secret",
		"super.users":                        "User:admin;User:boss",
		"listener.name.http.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain." +
			"PlainLoginModule required user_admin=\"of admin\";",
		"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	})
	maps.Copy(settings, changes)
	cfg, _, err := config.Load("", settings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.FormatStorage(cfg, node.Format{Standalone: true, Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(cfg, slog.New(slog.NewTextHandler(s.log, nil)), "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = n.Stop(ctx)
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, ok := n.Controller().Active(); ok && n.Controller().Image().Version() != 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the node does not lead itself")
		}
	}
	s.server, s.url = n.HTTPAddr(), "https://"+n.HTTPAddr()
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// secret writes a file that only its owner can read.
func (s *secured) secret(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCommandsAtASecuredNode: yakt reaches a node over TLS with a password, a delegation token and
// a certificate, and says what to do where it cannot. One user may do what an ACL allows.
func TestCommandsAtASecuredNode(t *testing.T) {
	t.Parallel()
	s := startSecured(t, nil)
	at := " --server " + s.url + " --tls-ca " + s.ca
	admin := at + " --user admin --password-file " + s.secret(t, "admin.pw", "of admin")
	boss := at + " --tls-cert " + s.cert + " --tls-key " + s.key
	out, _ := yakt(t, exitOK, "quorum status"+admin)
	contains(t, out, "1")
	yakt(t, exitOK, "quorum status"+boss)
	yakt(t, exitOK, "quorum status --server %s --tls-ca %s --tls-cert %s --tls-key %s", s.server, s.ca,
		s.cert, s.key)

	set := program(t, append([]string{"user", "set-scram", "alice", "--mechanism", "SCRAM-SHA-256"},
		strings.Fields(admin)...)...)
	set.Stdin = strings.NewReader("of alice\n")
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	alice := at + " --user alice --password-file " + s.secret(t, "alice.pw", "of alice")
	_, errOut := yakt(t, exitFailed, "quorum status"+alice)
	contains(t, errOut, "CLUSTER_AUTHORIZATION_FAILED", "User:alice", "DESCRIBE", "`yakt acl add`")
	yakt(t, exitOK, "acl add User:alice DESCRIBE CLUSTER kafka-cluster"+admin)
	yakt(t, exitOK, "quorum status"+alice)
	_, errOut = yakt(t, exitFailed, "topic create x"+alice)
	contains(t, errOut, "TOPIC_AUTHORIZATION_FAILED", "CREATE")

	out, _ = yakt(t, exitOK, "token create User:alice -o json"+admin)
	var token httpapi.TokenAnswer
	if err := json.Unmarshal([]byte(out), &token); err != nil {
		t.Fatal(err)
	}
	bearer := at + " --token-file " + s.secret(t, "token", token.TokenID+"."+
		base64.StdEncoding.EncodeToString(token.HMAC))
	yakt(t, exitOK, "quorum status"+bearer)
	_, errOut = yakt(t, exitFailed, "token create User:alice"+bearer)
	contains(t, errOut, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED")
	yakt(t, exitOK, "token expire "+token.TokenID+" -y"+admin)
	_, errOut = yakt(t, exitFailed, "quorum status"+bearer)
	contains(t, errOut, "SASL_AUTHENTICATION_FAILED", "credentials are not valid", "--user")

	for line, says := range map[string]string{
		at: "needs credentials: a user name and a password (Basic), a delegation token (Bearer " +
			"<id>.<hmac>), a client certificate. Say who you are by --user",
		" --server " + s.url:                        "signs the nodes' certificates by --tls-ca",
		" --server http://" + s.server:              "serves HTTPS there: use https://",
		" --server " + s.url + " --tls-ca " + s.ca2: "by --tls-ca",
		at + " --tls-server-name elsewhere":         "--tls-server-name",
	} {
		code := exitUnavailable
		if line == at {
			code = exitFailed
		}
		_, errOut := yakt(t, code, "quorum status"+line)
		contains(t, errOut, says)
	}
	wrong := at + " --user alice --password-file " + s.secret(t, "wrong.pw", "of admin")
	_, errOut = yakt(t, exitFailed, "quorum status"+wrong)
	contains(t, errOut, "credentials are not valid")
	s.debugListener(t)
	if text := s.log.String(); strings.Contains(text, "of a") ||
		strings.Contains(text, base64.StdEncoding.EncodeToString(token.HMAC)) ||
		!strings.Contains(text, "requests over HTTP were not authenticated") ||
		!strings.Contains(text, "principal=User:admin") {
		t.Errorf("the log of the node: %s", text)
	}
}

// debugListener: profiles are for who may ALTER the cluster.
func (s *secured) debugListener(t *testing.T) {
	t.Helper()
	a := access{tls: tlsFiles{CA: s.ca}}
	through, err := a.transport()
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]int{
		"": http.StatusUnauthorized, "alice": http.StatusForbidden, "admin": http.StatusOK,
	} {
		r, err := http.NewRequest(http.MethodGet, "https://"+s.debug+"/debug/pprof/cmdline", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = "/debug/pprof/goroutine"
		if user != "" {
			r.SetBasicAuth(user, "of "+user)
		}
		resp, err := (&http.Client{Transport: through}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("profiles for %q: %d, want %d", user, resp.StatusCode, want)
		}
	}
}

// TestPlaintextNodes: yakt says so where a node does not have the TLS that it is to use, and sends
// no password in the clear to another machine.
func TestPlaintextNodes(t *testing.T) {
	t.Parallel()
	server := startNode(t)
	for line, says := range map[string]string{
		"--server https://" + server:                         "use http://",
		"--server http://" + server + " --tls-server-name x": "there are settings for TLS: use https://",
		"--server http://198.51.100.1:1 --user a --password-file " +
			(&secured{dir: t.TempDir()}).secret(t, "pw", "x"): "in the clear",
	} {
		code := exitUsage
		if strings.HasSuffix(line, server) {
			code = exitUnavailable
		}
		_, errOut := yakt(t, code, "quorum status "+line)
		contains(t, errOut, says)
	}
}

// TestContexts saves, lists, chooses and deletes contexts in processes of their own, and uses them
// against a secured node.
func TestContexts(t *testing.T) {
	t.Parallel()
	s := startSecured(t, nil)
	file := filepath.Join(s.dir, "own", "contexts.yaml")
	password := s.secret(t, "admin.pw", "of admin")
	run := func(code int, env []string, line string, values ...any) string {
		t.Helper()
		cmd := program(t, strings.Fields(fmt.Sprintf(line, values...))...)
		cmd.Env = append(append(cmd.Env, "YAKT_CONFIG="+file), env...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("yakt %s: exit code %d, want %d: %s", line, got, code, out)
		}
		return string(out)
	}
	run(exitOK, nil, "context set prod --server %s --tls-ca %s --user admin --password-file %s", s.url,
		s.ca, password)
	run(exitOK, nil, "context set cert --server %s --tls-ca %s --tls-cert %s --tls-key %s", s.url,
		s.ca, s.cert, s.key)
	contains(t, run(exitOK, nil, "context list"), "*        prod", "user admin", "certificate in")
	contains(t, run(exitOK, nil, "quorum status"), "LEADER")
	run(exitOK, nil, "context use cert")
	contains(t, run(exitOK, nil, "quorum status"), "LEADER")
	run(exitOK, nil, "quorum status --context prod")
	run(exitOK, []string{"YAKT_CONTEXT=prod"}, "quorum status")
	contains(t, run(exitUsage, nil, "quorum status --context nowhere"), `no context "nowhere"`)
	// Other servers do not get what the current context says about the client.
	contains(t, run(exitFailed, nil, "quorum status --server %s --tls-ca %s", s.url, s.ca),
		"needs credentials")
	// A flag counts before the environment, and that before the context.
	contains(t, run(exitFailed, []string{"YAKT_PASSWORD=wrong"}, "quorum status --context prod"),
		"not valid")
	run(exitOK, []string{"YAKT_PASSWORD=wrong"},
		"quorum status --context prod --password-file %s", password)
	run(exitOK, []string{"YAKT_USER=nobody", "YAKT_PASSWORD=of admin"},
		"quorum status --context prod --user admin")
	contains(t, run(exitUsage, []string{"YAKT_USER=admin", "YAKT_TOKEN=a.b"},
		"quorum status --context cert"), "both a user and a token")
	contains(t, run(exitUsage, nil, "quorum status --context cert --user x"), "no password for x")
	run(exitOK, nil, "__complete context use p")
	contains(t, run(exitOK, nil, "__complete context use p"), "prod")
	contains(t, run(exitOK, nil, "__complete quorum status --context c"), "cert")
	run(exitOK, nil, "context delete prod")
	contains(t, run(exitUsage, nil, "context delete prod"), `no context "prod"`)

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 || strings.Contains(string(data), "of admin") {
		t.Errorf("the file of contexts has the mode %v: %s", info.Mode(), data)
	}
	for _, open := range []string{file, s.key} {
		if err := os.Chmod(open, 0o640); err != nil {
			t.Fatal(err)
		}
		contains(t, run(exitFailed, nil, "quorum status"), "chmod 600 "+open)
		if err := os.Chmod(open, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
