package controller

import (
	"context"

	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// access is one request that is sent once by a principal without any ACL, and once by one with the
// given ones.
type access struct {
	key   int16
	what  string // which of several requests of the API
	make  func(f *accessFixture, version int16) kmsg.Request
	since int16    // the first version that can say it; 0: all
	allow []string // ACLs as in "ALTER TOPIC t"
	// byToken says that the denied sender is authenticated by a delegation token.
	byToken bool
	// onlyActive says that the state of the active controller decides, so that no other node can.
	onlyActive bool
	denied     errorsByVersion
	// allowed are the errors of the allowed request: what it meets further on.
	allowed errorsByVersion
}

// errorsByVersion are the errors in an answer, as errorsIn shows them, from the version on that
// each begins with: "0 ErrorCode=31", "2 ...".
type errorsByVersion []string

func (e errorsByVersion) at(version int16) (want string) {
	for _, text := range e {
		var since int16
		fmt.Sscan(text, &since)
		if _, rest, _ := strings.Cut(text, " "); version >= since {
			want = rest
		}
	}
	return want
}

// accessFixture is a cluster with a broker, a topic and tokens, as a super user made it.
type accessFixture struct {
	*testDriver
	brokerEpoch int64
	topicID     protocol.UUID
	// byToken says that the sender is authenticated by a delegation token.
	byToken bool
	own     *kmsg.CreateDelegationTokenResponse // the sender's
	token   *kmsg.CreateDelegationTokenResponse
}

const (
	setup   = "User:setup" // a super user
	forward = "User:broker"
	eve     = "User:eve"
	eveAddr = "10.1.2.3" // its address
)

func newAccessFixture(t *testing.T, options ...func(*Config)) *accessFixture {
	t.Helper()
	d := newTestDriver(t, append(options, withTokens, func(cfg *Config) {
		cfg.Authorizer = acls.NewAuthorizer([]string{setup, ""}, false)
		cfg.Codec = testCodec()
	})...)
	f := &accessFixture{testDriver: d, brokerEpoch: d.addBroker(1)}
	creation := kmsg.NewPtrCreateTopicsRequest()
	creation.Version = 7
	creation.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("t")}
	f.topicID = d.answer(creation).(*kmsg.CreateTopicsResponse).Topics[0].TopicID
	f.own = d.createToken(forwardedFor("eve"), tokenRequest(0))
	f.token = d.createToken(forwardedFor("owner"), tokenRequest(0))
	f.allow(forward, "CLUSTER_ACTION CLUSTER kafka-cluster")
	return f
}

func newTopic(name string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, 1, 1
	return t
}

// allow creates ACLs for a principal.
func (f *accessFixture) allow(principal string, entries ...string) {
	f.t.Helper()
	for _, text := range entries {
		words := strings.SplitN(text, " ", 3)
		operation, err := kmsg.ParseACLOperation(words[0])
		kind, err2 := kmsg.ParseACLResourceType(words[1])
		if err != nil || err2 != nil {
			f.t.Fatal(text, err, err2)
		}
		created := f.createAcls(kmsg.CreateACLsRequestCreation{
			ResourceType: kind, ResourceName: words[2],
			ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: principal,
			Host: "*", Operation: operation, PermissionType: kmsg.ACLPermissionTypeAllow,
		})
		if created[0].ErrorCode != 0 {
			f.t.Fatalf("%s: %v", text, *created[0].ErrorMessage)
		}
	}
}

func directCaller(principal string) protocol.Caller {
	return protocol.Caller{Listener: "CONTROLLER", Principal: principal, ClientAddr: eveAddr,
		SecurityProtocol: protocol.SASLSSL}
}

// direct sends a request on the sender's own connection, and returns the errors in the answer.
func (f *accessFixture) direct(req kmsg.Request) string {
	f.t.Helper()
	var resp kmsg.Response
	caller := directCaller(eve)
	caller.TokenAuthenticated = f.byToken
	f.Handle(context.Background(), caller, req, func(r kmsg.Response) { resp = r })
	f.settle()
	if resp == nil {
		f.t.Fatalf("%s is not answered", kmsg.NameForKey(req.Key()))
	}
	return errorsIn(f.t, whole(resp))
}

// forwarded sends a request in an envelope, and returns the errors in the answer.
func (f *accessFixture) forwarded(by string, req kmsg.Request) string {
	f.t.Helper()
	envelope := envelopeOf(nestedBytes(req, req.GetVersion()))
	envelope.RequestPrincipal = principalBytes(eve, f.byToken)
	envelope.ClientHostAddress = []byte{10, 1, 2, 3}
	var resp kmsg.Response
	f.Handle(context.Background(), directCaller(by), envelope,
		func(r kmsg.Response) { resp = r })
	f.settle()
	answer, ok := resp.(*kmsg.EnvelopeResponse)
	if !ok {
		f.t.Fatalf("%T", resp)
	}
	if answer.ErrorCode != 0 {
		if answer.ResponseData != nil {
			f.t.Errorf("an envelope with an error has an answer")
		}
		return fmt.Sprintf("envelope=%d", answer.ErrorCode)
	}
	inner := req.ResponseKind()
	data := answer.ResponseData[4:]
	if inner.IsFlexible() {
		data = data[1:]
	}
	if err := inner.ReadFrom(data); err != nil {
		f.t.Fatal(err)
	}
	return errorsIn(f.t, inner)
}

func principalBytes(principal string, byToken bool) []byte {
	kind, name := splitPrincipal(principal)
	b := []byte{0, 0, byte(len(kind) + 1)}
	b = append(append(b, kind...), byte(len(name)+1))
	b = append(append(b, name...), 0, 0)
	if byToken {
		b[len(b)-2] = 1
	}
	return b
}

// errorsIn lists the error codes and messages of a response as it is on the wire.
func errorsIn(t testing.TB, resp kmsg.Response) string {
	t.Helper()
	read := kmsg.ResponseForKey(resp.Key())
	read.SetVersion(resp.GetVersion())
	if err := read.ReadFrom(resp.AppendTo(nil)); err != nil {
		t.Fatalf("%s: %v", kmsg.NameForKey(resp.Key()), err)
	}
	return strings.Join(appendErrors(nil, "", reflect.ValueOf(read)), " ")
}

func appendErrors(all []string, path string, v reflect.Value) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			all = appendErrors(all, path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = appendErrors(all, fmt.Sprintf("%s[%d].", strings.TrimSuffix(path, "."), i),
				v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, field := v.Type().Field(i).Name, v.Field(i)
			switch {
			case strings.HasSuffix(name, "ErrorCode"):
				if field.Int() != 0 {
					all = append(all, fmt.Sprintf("%s%s=%d", path, name, field.Int()))
				}
			case name == "ErrorMessage":
				if !field.IsNil() && field.Elem().Len() > 0 {
					all = append(all, fmt.Sprintf("%s%s=%s", path, name, field.Elem()))
				}
			default:
				all = appendErrors(all, path+name+".", field)
			}
		}
	}
	return all
}

// TestEveryAPIIsAuthorized sends each request in each version, directly and in an envelope where it
// may be forwarded, once without the ACL that it needs and once with it.
func TestEveryAPIIsAuthorized(t *testing.T) {
	t.Parallel()
	for _, test := range accesses {
		a := apiOf(test.key)
		t.Run(fmt.Sprintf("%d %s %s", test.key, a.name, test.what), func(t *testing.T) {
			t.Parallel()
			for v := max(a.min, test.since); v <= a.max; v++ {
				test.run(t, a, v)
			}
		})
	}
}

func (a *access) run(t *testing.T, row *api, v int16) {
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("version %d, %s:\n got %q\nwant %q", v, what, got, want)
		}
	}
	f := newAccessFixture(t)
	f.byToken = a.byToken
	request := func() kmsg.Request {
		req := a.make(f, v)
		req.SetVersion(v)
		return req
	}
	before := f.log.End
	want("denied", f.direct(request()), a.denied.at(v))
	if row.forwardable {
		want("denied in an envelope", f.forwarded(forward, request()), a.denied.at(v))
	}
	if f.log.End != before {
		t.Errorf("version %d: a denied request writes records", v)
	}
	f.allow(eve, a.allow...)
	f.byToken = false
	want("allowed", f.direct(request()), a.allowed.at(v))
	if row.forwardable {
		f = newAccessFixture(t)
		f.allow(eve, a.allow...)
		want("allowed in an envelope", f.forwarded(forward, request()), a.allowed.at(v))
	}
	f = newAccessFixture(t)
	f.byToken = a.byToken
	f.LeaderChanged(3001, 2)
	f.settle()
	if !a.onlyActive {
		want("denied by a standby", f.direct(request()), a.denied.at(v))
	}
}

func TestEveryRowSaysWhoMaySendIt(t *testing.T) {
	t.Parallel()
	tested := map[int16]bool{}
	for _, a := range accesses {
		tested[a.key] = true
	}
	// what a client sends before it is anybody; the protocol layer answers keys 17 and 36 until then
	open := []int16{kmsg.ApiVersions.Int16(), kmsg.SASLHandshake.Int16(),
		kmsg.SASLAuthenticate.Int16()}
	for _, a := range apis {
		switch {
		case a.who.scope == undecided:
			t.Errorf("%s: the table does not say who may send it", a.name)
		case a.who.scope == everyoneServed && !slices.Contains(open, a.key):
			t.Errorf("%s is for everyone", a.name)
		case a.fail == nil && a.who.scope != everyoneServed:
			t.Errorf("%s has no answer for who may not send it", a.name)
		case !tested[a.key]:
			t.Errorf("%s has no case in TestEveryAPIIsAuthorized", a.name)
		}
	}
}

// TestForgedEnvelopes: nobody speaks for another without CLUSTER_ACTION, and then only of what
// brokers forward.
func TestForgedEnvelopes(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	unregister := &kmsg.UnregisterBrokerRequest{BrokerID: 1}
	decoded := 0
	codec := f.cfg.Codec
	f.cfg.Codec.Decode = func(data []byte) (kmsg.Request, int32, string, error) {
		decoded++
		return codec.Decode(data)
	}
	send := func(by string, envelope *kmsg.EnvelopeRequest) string {
		t.Helper()
		var resp kmsg.Response
		f.Handle(context.Background(), directCaller(by), envelope,
			func(r kmsg.Response) { resp = r })
		f.settle()
		answer := resp.(*kmsg.EnvelopeResponse)
		if answer.ResponseData != nil {
			t.Errorf("an answer for %s", by)
		}
		return fmt.Sprint(answer.ErrorCode)
	}
	asSuper := func(nested []byte) *kmsg.EnvelopeRequest {
		envelope := envelopeOf(nested)
		envelope.RequestPrincipal = principalBytes(setup, false)
		return envelope
	}
	forged := asSuper(nestedBytes(unregister, 0))
	garbage := &kmsg.EnvelopeRequest{RequestData: []byte{0}, RequestPrincipal: []byte{9}}
	inner := asSuper(nestedBytes(forged, 0))
	heartbeat := asSuper(nestedBytes(heartbeatRequest(1, f.brokerEpoch, 1), 2))
	for _, test := range []struct {
		what, by string
		envelope *kmsg.EnvelopeRequest
		want     string
	}{
		{"in the name of a super user, without rights", eve, forged, "31"},
		{"garbage, without rights", eve, garbage, "31"},
		{"garbage by a broker", forward, garbage, "97"},
		{"an envelope in an envelope", forward, inner, "42"},
		{"a request that is not forwarded", forward, heartbeat, "42"},
	} {
		if got := send(test.by, test.envelope); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
	if decoded != 0 {
		t.Errorf("%d inner requests were looked at", decoded)
	}
	if f.Image().Broker(1) == nil {
		t.Error("a forged envelope has unregistered a broker")
	}
}

// TestTheAddressInTheEnvelopeCounts for ACLs with a host.
func TestTheAddressInTheEnvelopeCounts(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	entry := kmsg.CreateACLsRequestCreation{
		ResourceType: kmsg.ACLResourceTypeCluster, ResourceName: acls.ClusterName,
		ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: eve,
		Host: "10.1.2.3", Operation: kmsg.ACLOperationDescribe,
		PermissionType: kmsg.ACLPermissionTypeAllow,
	}
	f.createAcls(entry)
	list := kmsg.NewPtrListPartitionReassignmentsRequest()
	if got := f.forwarded(forward, list); got != "" {
		t.Errorf("from the host: %s", got)
	}
	entry.Host, entry.Principal = "10.9.9.9", "User:mallory"
	f.createAcls(entry)
	caller := protocol.Caller{Principal: "User:mallory", ClientAddr: "10.1.2.3"}
	var resp kmsg.Response
	f.Handle(context.Background(), caller, list, func(r kmsg.Response) { resp = r })
	if errorsIn(t, resp) == "" {
		t.Error("from another host: allowed")
	}
}

// TestDenialsHideTopics: an answer does not tell who may not describe a topic that it exists, nor
// which name an id has.
func TestDenialsHideTopics(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	ask := func(req kmsg.Request) kmsg.Response {
		var resp kmsg.Response
		f.Handle(context.Background(), directCaller(eve), req, func(r kmsg.Response) { resp = r })
		f.settle()
		return whole(resp)
	}
	byID := kmsg.NewPtrDeleteTopicsRequest()
	byID.Version = 6
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.TopicID = f.topicID
	byID.Topics = []kmsg.DeleteTopicsRequestTopic{topic}
	deleted := ask(byID).(*kmsg.DeleteTopicsResponse).Topics[0]
	if deleted.ErrorCode != 29 || deleted.Topic != nil || deleted.TopicID != f.topicID {
		t.Errorf("deletion by id: %+v", deleted)
	}
	known := kmsg.NewPtrMetadataRequest()
	known.Version, known.Topics = 12, []kmsg.MetadataRequestTopic{{TopicID: f.topicID}}
	shown := ask(known).(*kmsg.MetadataResponse).Topics[0]
	if shown.ErrorCode != 29 || shown.Topic != nil || shown.TopicID != f.topicID {
		t.Errorf("metadata by id: %+v", shown)
	}
	every := kmsg.NewPtrMetadataRequest()
	every.Version, every.IncludeTopicAuthorizedOperations = 10, true
	every.IncludeClusterAuthorizedOperations = true
	all := ask(every).(*kmsg.MetadataResponse)
	if len(all.Topics) != 0 || all.AuthorizedOperations != 0 {
		t.Errorf("metadata of all: %+v", all)
	}
	pages := kmsg.NewPtrDescribeTopicPartitionsRequest()
	pages.ResponsePartitionLimit = 5
	if n := len(ask(pages).(*kmsg.DescribeTopicPartitionsResponse).Topics); n != 0 {
		t.Errorf("%d topics in the pages", n)
	}

	f.allow(eve, "DESCRIBE TOPIC t", "DESCRIBE CLUSTER kafka-cluster")
	deleted = ask(byID).(*kmsg.DeleteTopicsResponse).Topics[0]
	if deleted.ErrorCode != 29 || deleted.Topic == nil || *deleted.Topic != "t" {
		t.Errorf("deletion by id of a topic that may be described: %+v", deleted)
	}
	all = ask(every).(*kmsg.MetadataResponse)
	if len(all.Topics) != 1 || all.Topics[0].AuthorizedOperations != 1<<acls.Describe ||
		all.AuthorizedOperations != 1<<acls.Describe {
		t.Errorf("metadata of all: %+v", all)
	}
}

// TestTokensOfOthersAreHidden unless an ACL shows them.
func TestTokensOfOthersAreHidden(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allow string
		want  int
	}{
		{"", 1}, {"DESCRIBE_TOKENS USER User:owner", 2}, {"DESCRIBE DELEGATION_TOKEN *", 2},
		{"DESCRIBE_TOKENS USER User:eve", 1},
	} {
		f := newAccessFixture(t)
		if test.allow != "" {
			f.allow(eve, test.allow)
		}
		var resp kmsg.Response
		f.Handle(context.Background(), directCaller(eve), &kmsg.DescribeDelegationTokenRequest{},
			func(r kmsg.Response) { resp = r })
		shown := whole(resp).(*kmsg.DescribeDelegationTokenResponse).TokenDetails
		if len(shown) != test.want {
			t.Errorf("%q: %d tokens", test.allow, len(shown))
		}
	}
}

// TestOnlySuperUsersBeforeTheNodeHasCaughtUp: then ACLs count.
func TestOnlySuperUsersBeforeTheNodeHasCaughtUp(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	f.allow(eve, "DESCRIBE CLUSTER kafka-cluster")
	f.aclsFrom.Store(unknownOffset)
	list := kmsg.NewPtrListPartitionReassignmentsRequest()
	wait := "ErrorCode=-1 ErrorMessage=" + errNoACLsYet.Message
	f.log.behind = -1
	if got := f.direct(list); got != wait {
		t.Errorf("before the log knows: %s", got)
	}
	if f.Allows(directCaller(eve), acls.OnCluster(acls.Describe)) {
		t.Error("Allows before the log knows")
	}
	f.log.behind = f.Image().EndOffset() + 1
	if got := f.direct(list); got != wait {
		t.Errorf("behind: %s", got)
	}
	if got := f.direct(&kmsg.ApiVersionsRequest{}); got != "" {
		t.Errorf("API_VERSIONS: %s", got)
	}
	var resp kmsg.Response
	f.Handle(context.Background(), directCaller(setup), list, func(r kmsg.Response) { resp = r })
	if got := errorsIn(t, resp); got != "" {
		t.Errorf("a super user: %s", got)
	}
	f.advance(20e9) // sessions end, which writes records
	if got := f.direct(list); got != "" {
		t.Errorf("caught up: %s", got)
	}
}

// TestDoIsAuthorized: callers in this process pass the same place, in dry runs too.
func TestDoIsAuthorized(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	end := f.log.End
	caller, ctx := directCaller(eve), context.Background()
	deletion := kmsg.NewPtrDeleteTopicsRequest()
	deletion.Version, deletion.TimeoutMillis = 5, 1000
	deletion.TopicNames = []string{"t"}
	outcome, err := f.Do(ctx, caller, deletion)
	if err != nil || !strings.Contains(errorsIn(t, outcome.Response), "ErrorCode=29") {
		t.Errorf("Do: %v, %v", outcome.Response, err)
	}
	if _, err := f.ChangeBroker(ctx, caller, BrokerChange{BrokerID: 1}); err == nil ||
		!strings.Contains(err.Error(), "needs ALTER") {
		t.Errorf("ChangeBroker: %v", err)
	}
	if _, err := f.Heal(ctx, caller, nil); err == nil ||
		!strings.Contains(err.Error(), "needs ALTER") {
		t.Errorf("Heal: %v", err)
	}
	quota := alteringQuota(nil, 1)
	quota.SetVersion(1)
	outcome, err = f.DoNext(ctx, caller, Operation{Name: "test", Ahead: quota})
	if err != nil || !strings.Contains(errorsIn(t, outcome.Response), "ErrorCode=31") {
		t.Errorf("DoNext, ahead: %v, %v", outcome.Response, err)
	}
	for _, dry := range []bool{false, true} {
		op := Operation{Name: "test", DryRun: dry,
			Make: func(*metadata.Image) (kmsg.Request, error) { return deletion, nil }}
		outcome, err := f.do(t, func(ctx context.Context) (Outcome, error) {
			return f.DoNext(ctx, caller, op)
		})
		if err != nil || !strings.Contains(errorsIn(t, outcome.Response), "ErrorCode=29") {
			t.Errorf("DoNext, dry %v: %v, %v", dry, outcome.Response, err)
		}
	}
	if f.log.End != end {
		t.Error("something was written")
	}
}

// TestDeleteByIDWithoutDescribe: who may delete a topic and not describe it deletes it by its id.
func TestDeleteByIDWithoutDescribe(t *testing.T) {
	t.Parallel()
	f := newAccessFixture(t)
	f.allow(eve, "DELETE TOPIC t")
	denied := f.createAcls(kmsg.CreateACLsRequestCreation{
		ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "t",
		ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: eve, Host: "*",
		Operation: kmsg.ACLOperationDescribe, PermissionType: kmsg.ACLPermissionTypeDeny,
	})
	if denied[0].ErrorCode != 0 {
		t.Fatal(*denied[0].ErrorMessage)
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.TopicID = f.topicID
	req.Topics = append(req.Topics, topic)
	got := f.direct(req)
	if left := f.Image().Topic(f.topicID); left != nil || got != "" {
		t.Errorf("answered %q, and the topic that is left is %v", got, left)
	}
}
