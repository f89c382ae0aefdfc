package integration

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// secrets puts canaries into a node through every way in, and collects everything that comes out.
type secrets struct {
	t        testing.TB
	ctx      context.Context
	q        *kafka.Controllers
	id       int32
	cl       *kgo.Client
	binary   string
	canaries map[string]string // what each is, by its text
	out      strings.Builder
	// onDisk is a secret that the node's directory must have, notOnDisk one that it must not have.
	onDisk, notOnDisk []byte
}

// canary makes a secret, and remembers the forms in which it must not be seen.
func (s *secrets) canary(what string) string {
	text := fmt.Sprintf("canary-%d-%s", len(s.canaries), strings.ReplaceAll(what, " ", "-"))
	s.hide(what, []byte(text))
	return text
}

func (s *secrets) hide(what string, secret []byte) {
	for _, form := range []string{
		string(secret), hex.EncodeToString(secret),
		base64.RawStdEncoding.EncodeToString(secret[:len(secret)/3*3]),
		base64.RawURLEncoding.EncodeToString(secret[:len(secret)/3*3]),
	} {
		s.canaries[form] = what
	}
}

// keep adds something that came out.
func (s *secrets) keep(where string, text []byte) {
	fmt.Fprintf(&s.out, "\n=== %s\n%s\n", where, text)
}

// search reports the canaries in what came out. Each is reported once.
func (s *secrets) search() {
	s.t.Helper()
	all := s.out.String()
	for secret, what := range s.canaries {
		at := strings.Index(all, secret)
		if at < 0 {
			continue
		}
		where := all[:at]
		where = where[strings.LastIndex(where, "\n=== ")+5:]
		where, _, _ = strings.Cut(where, "\n")
		s.t.Errorf("%s is shown in %s: %.300s", what, where, all[max(0, at-150):])
	}
}

// http sends a request to the node's API, and keeps the answer.
func (s *secrets) http(method, path, body string, expect ...int) []byte {
	s.t.Helper()
	status, answer := s.silent(method, path, body)
	name, _, _ := strings.Cut(path, "?")
	s.keep(method+" "+name, answer)
	if len(expect) > 0 && status != expect[0] {
		s.t.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

func (s *secrets) silent(method, path, body string) (status int, answer []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.ctx, method,
		"http://"+s.q.HTTPAddr(s.id)+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// command runs yakt with a standard input, and keeps what it prints.
func (s *secrets) command(input string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, s.binary, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "YAKT_SERVER=http://"+s.q.HTTPAddr(s.id))
	out, err := cmd.CombinedOutput()
	s.keep("yakt "+strings.Join(args[:2], " "), out)
	if err != nil {
		s.t.Errorf("yakt %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// kafka sends a request to the controller listener, and keeps the answer.
func (s *secrets) kafka(req kmsg.Request) kmsg.Response {
	s.t.Helper()
	resp, err := s.cl.SeedBrokers()[0].RetriableRequest(s.ctx, req)
	if err != nil {
		s.t.Fatalf("%s: %v", kmsg.NameForKey(req.Key()), err)
	}
	s.keep(kmsg.NameForKey(req.Key()), fmt.Appendf(nil, "%+v", resp))
	s.keep(kmsg.NameForKey(req.Key())+" on the wire", resp.AppendTo(nil))
	return resp
}

// forward sends a request in an envelope, as a broker does for a client, and decodes the answer.
func (s *secrets) forward(req kmsg.Request) kmsg.Response {
	s.t.Helper()
	frame := kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)
	answer, err := s.cl.SeedBrokers()[0].RetriableRequest(s.ctx, envelope(frame[4:]))
	if err != nil {
		s.t.Fatal(err)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	data := answer.(*kmsg.EnvelopeResponse).ResponseData[4:]
	if resp.IsFlexible() {
		data = data[1:]
	}
	if err := resp.ReadFrom(data); err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// TestSecretsAreNowhere passes canaries through the APIs, HTTP operations and commands that take
// secrets, also in requests that fail, and through the node's own configuration. Then it looks for
// them in the log at level debug, in every answer and feed, in the debug endpoints and in what
// commands print. Only the answer that creates a token may show its HMAC. Observers of the log and
// downloads of snapshots need the keys of users, so those bytes are not searched.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s := &secrets{t: t, ctx: ctx, canaries: map[string]string{}, binary: kafka.BuildYAKt(t)}
	debug := fmt.Sprintf("127.0.0.1:%d", kafka.FreePort(t))
	s.q = kafka.StartYAKt(t, s.binary, 1, kafka.ControllerOptions{Properties: map[string]string{
		"yakt.log.level":              "debug",
		"yakt.debug.listeners":        debug,
		"delegation.token.secret.key": s.canary("the token key"),
		"ssl.keystore.password":       s.canary("a keystore password"),
		"ssl.key.password":            s.canary("a key password"),
		"sasl.jaas.config":            s.canary("the jaas config"),
		"ssl.keystore.key":            s.canary("a private key"),
		"of.a.plugin.password":        s.canary("a plugin's password"),
		"ssl.keystroe.password.typo":  s.canary("a misspelt password"),
	}})
	leader := kafka.WaitLeader(t, s.q, kafka.Patience)
	s.id = leader.ID
	s.cl = kafka.NewClient(t, []string{s.q.Endpoint(s.id)})
	s.useKafka()
	s.useTokens()
	s.useHTTP()
	s.useCommands()
	s.collect(debug)
	s.search()
}

// storedKey is what a node keeps of a salted password for SCRAM-SHA-256 (RFC 5802, section 3).
func storedKey(salted []byte) []byte {
	mac := hmac.New(sha256.New, salted)
	mac.Write([]byte("Client Key"))
	sum := sha256.Sum256(mac.Sum(nil))
	return sum[:]
}

func (s *secrets) useKafka() {
	users := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	salted := s.canary("a salted password that is taken")
	stored := storedKey([]byte(salted))
	s.hide("a stored key", stored)
	s.onDisk, s.notOnDisk = stored, []byte(salted)
	users.Upsertions = append(users.Upsertions, kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
		Name: "kept", Mechanism: 1, Iterations: 4096, Salt: []byte("salt"),
		SaltedPassword: []byte(salted),
	})
	for i, iterations := range []int32{4096, 1, 4096} {
		users.Upsertions = append(users.Upsertions,
			kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
				Name: fmt.Sprintf("user-%d", i), Mechanism: int8(1 + i%2), Iterations: iterations,
				Salt:           []byte(s.canary("a salt")),
				SaltedPassword: []byte(s.canary("a salted password")),
			})
	}
	s.kafka(users)
	s.keep("forwarded users", fmt.Appendf(nil, "%+v", s.forward(users)))
	broken := kmsg.NewRequestFormatter().AppendRequest(nil, users, 1)
	s.kafka(envelope(broken[4 : len(broken)-10]))
	s.kafka(kmsg.NewPtrDescribeUserSCRAMCredentialsRequest())
	value := func(what string) *string { text := s.canary(what); return &text }
	configs := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for _, r := range []struct {
		kind      kmsg.ConfigResourceType
		name, key string
	}{
		{kmsg.ConfigResourceTypeBroker, "", "ssl.keystore.password"},
		{kmsg.ConfigResourceTypeBroker, fmt.Sprint(s.id), "sasl.jaas.config"},
		{kmsg.ConfigResourceTypeBroker, "77", "ssl.key.password"},
		{kmsg.ConfigResourceTypeTopic, "no-such", "ssl.key.password"},
		{kmsg.ConfigResourceTypeGroupConfig, "g", "sasl.jaas.config"},
		{kmsg.ConfigResourceTypeClientMetrics, "m", "ssl.keystore.password"},
		{kmsg.ConfigResourceTypeBrokerLogger, fmt.Sprint(s.id), "password"},
	} {
		for _, op := range []kmsg.IncrementalAlterConfigOp{0, 2} {
			one := kmsg.NewPtrIncrementalAlterConfigsRequest()
			one.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
				ResourceType: r.kind, ResourceName: r.name,
				Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
					{Name: r.key, Op: op, Value: value("a config")},
				},
			}}
			configs.Resources = append(configs.Resources, one.Resources...)
			s.kafka(one)
		}
	}
	s.kafka(configs)
	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.IncludeSynonyms = true
	for _, name := range []string{"", fmt.Sprint(s.id)} {
		describe.Resources = append(describe.Resources, kmsg.DescribeConfigsRequestResource{
			ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: name,
		})
	}
	s.kafka(describe)
	topic := kmsg.NewPtrCreateTopicsRequest()
	made := kmsg.NewCreateTopicsRequestTopic()
	made.Topic, made.NumPartitions, made.ReplicationFactor = "t", 1, 1
	made.Configs = []kmsg.CreateTopicsRequestTopicConfig{
		{Name: "ssl.key.password", Value: value("a topic's password")},
	}
	topic.Topics = append(topic.Topics, made)
	s.kafka(topic)
}

// useTokens creates a token through an envelope: what this listener takes itself is PLAINTEXT.
func (s *secrets) useTokens() {
	s.t.Helper()
	create := kmsg.NewPtrCreateDelegationTokenRequest()
	create.Version = 3
	made := s.forward(create).(*kmsg.CreateDelegationTokenResponse)
	if made.ErrorCode != 0 || len(made.HMAC) == 0 {
		s.t.Fatalf("no token: %v", kerr.ErrorForCode(made.ErrorCode))
	}
	s.hide("an HMAC", made.HMAC)
	renew, expire := kmsg.NewPtrRenewDelegationTokenRequest(),
		kmsg.NewPtrExpireDelegationTokenRequest()
	renew.Version, expire.Version = 2, 2
	renew.HMAC, expire.HMAC, expire.ExpiryPeriodMillis = made.HMAC, made.HMAC, 60_000
	s.keep("renewal", fmt.Appendf(nil, "%+v", s.forward(renew)))
	s.keep("expiry", fmt.Appendf(nil, "%+v", s.forward(expire)))
	direct := kmsg.NewPtrRenewDelegationTokenRequest()
	direct.HMAC = made.HMAC
	s.kafka(direct)
	s.kafka(kmsg.NewPtrDescribeDelegationTokenRequest())
}

func (s *secrets) useHTTP() {
	const path = "/v1/set_user_credential"
	user := `{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"password":%q}`
	s.http("POST", path, fmt.Sprintf(user, s.canary("a password over HTTP")), 200)
	s.http("POST", path+"?dryRun=true", fmt.Sprintf(user, s.canary("a password tried out")), 200)
	for _, wrong := range []string{
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":1,"password":%q}`,
		`{"user":"http","mechanism":%q,"iterations":4096,"password":"p"}`,
		`{"user":"http","mechanism":"SCRAM-SHA-1","iterations":4096,"password":%q}`,
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"pasword":%q}`,
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"password":[%q]}`,
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"saltedPassword":%q}`,
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"password":%q`,
		`{"user":"http","mechanism":"SCRAM-SHA-256","iterations":4096,"password":%q,` +
			`"salt":"c2FsdA=="}`,
	} {
		s.http("POST", path, fmt.Sprintf(wrong, s.canary("a password in a bad request")))
	}
	s.http("GET", path+"?password="+s.canary("a password in a query"), "")
	made := fmt.Sprintf(`{"name":"http","numPartitions":1,"replicationFactor":1,`+
		`"configs":{"ssl.key.password":%q}}`, s.canary("a topic's password over HTTP"))
	s.http("POST", "/v1/create_topic", made)
	status, answer := s.silent("POST", "/v1/create_token", `{"owner":"User:a"}`)
	_, rest, _ := bytes.Cut(answer, []byte(`"hmac":"`))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	secret, err := base64.StdEncoding.DecodeString(string(text))
	if status != http.StatusOK || err != nil || len(secret) == 0 {
		s.t.Fatalf("create_token: %d %s", status, answer)
	}
	s.hide("an HMAC over HTTP", secret)
	_, rest, _ = bytes.Cut(answer, []byte(`"tokenId":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	s.http("POST", "/v1/renew_token", fmt.Sprintf(`{"tokenId":%q}`, id), 200)
	s.http("POST", "/v1/expire_token", fmt.Sprintf(`{"tokenId":%q,"periodMs":60000}`, id), 200)
	s.http("POST", "/v1/renew_token", fmt.Sprintf(`{"tokenId":%q}`, text), 404)
}

func (s *secrets) useCommands() {
	s.command(s.canary("a password on the standard input")+"\n", "user", "set-scram", "cli")
	s.command("", "user", "list")
	s.command("", "user", "delete-scram", "cli")
	s.command("", "quota", "set", "--user", "a", "producer_byte_rate=1")
	s.command("", "token", "list")
	s.command("", "config", "print", "--config", s.q.Config(s.id))
	s.command("", "log", "dump", "--from", "0")
	s.command("", "log", "dump", "--from", "0", "-o", "json")
	s.command("", "feed", "--client")
}

// collect keeps what the node shows of its state, and its log.
func (s *secrets) collect(debug string) {
	s.t.Helper()
	records := s.http("GET", "/v1/records?from=0&limit=10000", "", 200)
	for _, name := range []string{
		"UserScramCredentialRecord", "DelegationTokenRecord", "ssl.keystore.password",
	} {
		if !bytes.Contains(records, []byte(name)) {
			s.t.Errorf("/v1/records has no %s: the test shows nothing", name)
		}
	}
	for _, path := range []string{
		"/v1/client_mgmt", "/v1/client_mgmt?offset=3", "/v1/status", "/v1/quorum", "/livez",
		"/readyz", "/v1/list_users", "/v1/list_tokens", "/v1/list_quotas", "/openapi.json",
	} {
		s.http("GET", path, "", 200)
	}
	for _, path := range []string{"goroutine?debug=2", "heap?debug=1", "allocs"} {
		body, err := kafka.Get(s.ctx, "http://"+debug+"/debug/pprof/"+path)
		if err != nil {
			s.t.Errorf("%s: %v", path, err)
		}
		s.keep(path, body)
	}
	s.q.Stop(s.t, s.id)
	log := s.q.Node(s.id).Log()
	if !strings.Contains(log, "DEBUG") {
		s.t.Error("the log is not at level debug")
	}
	s.keep("the log", []byte(log))
	var disk []byte
	err := filepath.WalkDir(s.q.Dir(s.id), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		disk = append(disk, b...)
		return err
	})
	if err != nil || !bytes.Contains(disk, s.onDisk) || bytes.Contains(disk, s.notOnDisk) {
		s.t.Errorf("the node's directory has no stored key, or a salted password (%v)", err)
	}
}
