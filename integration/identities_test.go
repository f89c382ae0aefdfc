package integration

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/yakt/yakt/integration/kafka"
)

// identities is a real broker where clients may log in, with YAKt as its controller. Changes go to
// the broker, which forwards them; what is read comes from the broker's own image.
type identities struct {
	t    *testing.T
	ctx  context.Context
	sasl string // host:port of the listener with SCRAM
	cl   *kgo.Client
	adm  *kadm.Client
}

// TestIdentitiesThroughABroker changes quotas, SCRAM users and delegation tokens through a real
// broker and finds them in the broker's answers and in what it does: users log in with their
// passwords, with tokens, and not any more afterwards; the mutation quota holds; ACLs are refused
// as without an authorizer.
func TestIdentitiesThroughABroker(t *testing.T) {
	t.Parallel()
	const tokenKey = "the key of all nodes"
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{
		Properties: map[string]string{"delegation.token.secret.key": tokenKey},
	})
	plain := fmt.Sprintf("127.0.0.1:%d", kafka.FreePort(t))
	i := &identities{t: t, sasl: fmt.Sprintf("127.0.0.1:%d", kafka.FreePort(t))}
	broker := kafka.NewBroker(t, q, kafka.BrokerOptions{
		Properties: scramProperties(plain, i.sasl, tokenKey),
	})
	broker.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*kafka.Patience)
	defer cancel()
	i.ctx = ctx
	kafka.Eventually(t, kafka.Patience, "the broker serves clients", func() error {
		cl, err := kgo.NewClient(kgo.SeedBrokers(plain))
		if err != nil {
			return err
		}
		defer cl.Close()
		return cl.Ping(ctx)
	})
	i.cl = kafka.NewClient(t, []string{plain})
	i.adm = kadm.NewClient(i.cl)
	i.users()
	i.quotas()
	i.tokens()
	i.acls()
	kafka.RequireAlive(t, broker)
}

// scramProperties give a broker a second listener with SCRAM.
func scramProperties(plain, sasl, tokenKey string) map[string]string {
	const module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	listeners := "PLAINTEXT://" + plain + ",SASL://" + sasl
	return map[string]string{
		"listeners": listeners, "advertised.listeners": listeners,
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT," +
			"SASL:SASL_PLAINTEXT",
		"sasl.enabled.mechanisms":                           "SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.sasl.scram-sha-256.sasl.jaas.config": module,
		"listener.name.sasl.scram-sha-512.sasl.jaas.config": module,
		"delegation.token.secret.key":                       tokenKey,
		"connection.failed.authentication.delay.ms":         "0",
		"controller.quota.window.num":                       "11",
	}
}

// logIn returns the error of a client that logs in.
func (i *identities) logIn(auth scram.Auth) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(i.sasl), kgo.SASL(auth.AsSha512Mechanism()),
		kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.Ping(i.ctx)
}

// soon waits until a broker has applied a change.
func (i *identities) soon(what string, check func() error) {
	i.t.Helper()
	kafka.Eventually(i.t, kafka.Patience, what, check)
}

// noLogin is a check that a login fails.
func noLogin(err error) error {
	if errors.Is(err, kerr.SaslAuthenticationFailed) {
		return nil
	}
	return fmt.Errorf("the login was not refused: %w", err)
}

var alice = scram.Auth{User: "alice", Pass: "wonderland"}

func (i *identities) users() {
	i.t.Helper()
	if err := noLogin(i.logIn(alice)); err != nil {
		i.t.Error(err)
	}
	altered, err := i.adm.AlterUserSCRAMs(i.ctx, nil, []kadm.UpsertSCRAM{
		{User: "alice", Mechanism: kadm.ScramSha512, Iterations: 8192, Password: alice.Pass},
		{User: "bob", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "builder"},
	})
	if err != nil || altered.Error() != nil {
		i.t.Fatalf("%v, %+v", err, altered)
	}
	i.soon("alice logs in", func() error { return i.logIn(alice) })
	users, err := i.adm.DescribeUserSCRAMs(i.ctx)
	if err != nil || len(users) != 2 || len(users["alice"].CredInfos) != 1 ||
		users["alice"].CredInfos[0].Iterations != 8192 ||
		users["alice"].CredInfos[0].Mechanism != kadm.ScramSha512 {
		i.t.Errorf("%v, %+v", err, users)
	}
	deleted, err := i.adm.AlterUserSCRAMs(i.ctx, []kadm.DeleteSCRAM{
		{User: "bob", Mechanism: kadm.ScramSha256}, {User: "nobody", Mechanism: kadm.ScramSha256},
	}, nil)
	if err != nil || deleted["bob"].Err != nil ||
		!errors.Is(deleted["nobody"].Err, kerr.ResourceNotFound) {
		i.t.Errorf("%v, %+v", err, deleted)
	}
	i.soon("bob is gone", func() error {
		users, err := i.adm.DescribeUserSCRAMs(i.ctx)
		if err == nil && len(users) != 1 {
			err = fmt.Errorf("%+v", users)
		}
		return err
	})
}

func (i *identities) quotas() {
	i.t.Helper()
	user, anyone := "ANONYMOUS", kadm.ClientQuotaEntity{{Type: "client-id"}}
	named := kadm.ClientQuotaEntity{{Type: "user", Name: &user}}
	altered, err := i.adm.AlterClientQuotas(i.ctx, []kadm.AlterClientQuotaEntry{
		{Entity: anyone, Ops: []kadm.AlterClientQuotaOp{{Key: "producer_byte_rate", Value: 1 << 20}}},
		{Entity: named, Ops: []kadm.AlterClientQuotaOp{
			{Key: "controller_mutation_rate", Value: 1}, // 11 at once
		}},
	})
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		i.t.Fatal(err)
	}
	i.soon("the broker shows both quotas", func() error {
		quotas, err := i.adm.DescribeClientQuotas(i.ctx, false, nil)
		if err == nil && len(quotas) != 2 {
			err = fmt.Errorf("%+v", quotas)
		}
		return err
	})
	_, err = i.adm.CreateTopic(i.ctx, 16, 1, nil, "much")
	if err != nil {
		i.t.Errorf("the first creation: %v", err)
	}
	if code := i.createTopic("more"); code != kerr.ThrottlingQuotaExceeded.Code {
		i.t.Errorf("a creation beyond the quota: %v", kerr.ErrorForCode(code))
	}
	removed, err := i.adm.AlterClientQuotas(i.ctx, []kadm.AlterClientQuotaEntry{
		{Entity: named, Ops: []kadm.AlterClientQuotaOp{
			{Key: "controller_mutation_rate", Remove: true},
		}},
	})
	if err != nil || removed[0].Err != nil {
		i.t.Errorf("%v, %+v", err, removed)
	}
	if code := i.createTopic("more"); code != 0 {
		i.t.Errorf("a creation without the quota: %v", kerr.ErrorForCode(code))
	}
}

// createTopic returns the code of one attempt: clients wait and try again by themselves.
func (i *identities) createTopic(name string) int16 {
	i.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(i.ctx, i.cl)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.Topics[0].ErrorCode
}

func (i *identities) tokens() {
	i.t.Helper()
	if _, err := i.adm.CreateDelegationToken(i.ctx, kadm.CreateDelegationToken{}); !errors.Is(err,
		kerr.DelegationTokenRequestNotAllowed) {
		i.t.Errorf("a token for a client that is not authenticated: %v", err)
	}
	adm := kadm.NewClient(kafka.NewClient(i.t, []string{i.sasl},
		kgo.SASL(alice.AsSha512Mechanism())))
	token, err := adm.CreateDelegationToken(i.ctx, kadm.CreateDelegationToken{
		Renewers: []kadm.Principal{{Type: "User", Name: "bob"}},
	})
	if err != nil || token.Owner.Name != "alice" {
		i.t.Fatalf("%v, %+v", err, token)
	}
	byToken := scram.Auth{User: token.TokenID, IsToken: true,
		Pass: base64.StdEncoding.EncodeToString(token.HMAC)}
	i.soon("a client logs in with the token", func() error { return i.logIn(byToken) })
	described, err := adm.DescribeDelegationTokens(i.ctx)
	if err != nil || len(described) != 1 || described[0].TokenID != token.TokenID ||
		string(described[0].HMAC) != string(token.HMAC) {
		i.t.Errorf("%v, %+v", err, described)
	}
	if _, err := adm.RenewDelegationToken(i.ctx, token.HMAC, -1); err != nil {
		i.t.Errorf("renewed: %v", err)
	}
	if _, err := adm.RenewDelegationToken(i.ctx, []byte("none"), -1); !errors.Is(err,
		kerr.DelegationTokenNotFound) {
		i.t.Errorf("an unknown token: %v", err)
	}
	withToken := kadm.NewClient(kafka.NewClient(i.t, []string{i.sasl},
		kgo.SASL(byToken.AsSha512Mechanism())))
	if _, err := withToken.CreateDelegationToken(i.ctx,
		kadm.CreateDelegationToken{}); !errors.Is(err, kerr.DelegationTokenRequestNotAllowed) {
		i.t.Errorf("a token by a token: %v", err)
	}
	if _, err := adm.ExpireDelegationToken(i.ctx, token.HMAC,
		-time.Millisecond); err != nil {
		i.t.Errorf("expired: %v", err)
	}
	i.soon("the token is refused", func() error { return noLogin(i.logIn(byToken)) })
}

func (i *identities) acls() {
	i.t.Helper()
	b := kadm.NewACLs().Topics("t").Allow("User:a").AllowHosts("*").
		Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
	created, err := i.adm.CreateACLs(i.ctx, b)
	if err != nil || len(created) != 1 || !errors.Is(created[0].Err, kerr.SecurityDisabled) {
		i.t.Errorf("%v, %+v", err, created)
	}
	deleted, err := i.adm.DeleteACLs(i.ctx, b)
	if err != nil || len(deleted) != 1 || !errors.Is(deleted[0].Err, kerr.SecurityDisabled) {
		i.t.Errorf("%v, %+v", err, deleted)
	}
}
