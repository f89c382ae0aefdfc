package controller

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// loggingTo makes the controller write its log, with the names of its loggers.
func loggingTo(log *logtest.Buffer, level slog.Level) func(*Config) {
	return func(cfg *Config) {
		handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: loglevel.LevelTrace})
		cfg.Loggers = loglevel.New(handler, level)
		cfg.Logger = cfg.Loggers.Logger("controller")
	}
}

// linesOf returns the lines of a logger since the last call for any logger.
func linesOf(log *logtest.Buffer, from *int, name string) (found []string) {
	text := log.String()
	for line := range strings.Lines(text[*from:]) {
		if strings.Contains(line, "logger="+name+" ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	*from = len(text)
	return found
}

// TestEveryChangeIsAudited sends each request with which clients change something, without the
// rights for it, with them, and in an envelope.
func TestEveryChangeIsAudited(t *testing.T) {
	t.Parallel()
	audited := map[int16]bool{}
	for _, test := range accesses {
		row := apiOf(test.key)
		if row.write == nil || row.sender != administrator || test.byToken {
			continue
		}
		audited[test.key] = true
		t.Run(fmt.Sprintf("%d %s %s", test.key, row.name, test.what), func(t *testing.T) {
			t.Parallel()
			test.audited(t, row)
		})
	}
	for _, row := range apis {
		if row.write != nil && row.sender == administrator && !audited[row.key] {
			t.Errorf("%s has no case", row.name)
		}
	}
}

func (a *access) audited(t *testing.T, row *api) {
	var log logtest.Buffer
	read := 0
	f := newAccessFixture(t, loggingTo(&log, slog.LevelDebug))
	request := func() kmsg.Request {
		req := a.make(f, row.max)
		req.SetVersion(row.max)
		return req
	}
	linesOf(&log, &read, "audit")
	f.direct(request())
	if lines := linesOf(&log, &read, "audit"); len(lines) > 0 && !a.ownersDecide(row) {
		t.Errorf("a denied request is audited: %q", lines)
	}
	f.allow(eve, a.allow...)
	f.clock.Advance(pacedEvery, f.settle) // after which an equal failure is logged again
	check := func(lines []string, changed bool, want ...string) {
		t.Helper()
		want = append(want, "by=User:eve from=10.1.2.3 listener=CONTROLLER", "api="+row.name, "result=")
		if changed {
			want = append(want, "msg=changed", "offset=", "result=ok")
		}
		if len(lines) != 1 {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for _, part := range want {
			if !strings.Contains(lines[0], part) {
				t.Errorf("%q is not in %s", part, lines[0])
			}
		}
	}
	linesOf(&log, &read, "audit")
	end, errors := f.log.End, f.direct(request())
	check(linesOf(&log, &read, "audit"), f.log.End > end && errors == "")
	f = newAccessFixture(t, loggingTo(&log, slog.LevelDebug))
	f.allow(eve, a.allow...)
	linesOf(&log, &read, "audit")
	end, errors = f.log.End, f.forwarded(forward, request())
	check(linesOf(&log, &read, "audit"), f.log.End > end && errors == "", "forwarded=true")
	checkNoSecret(t, f, log.String())
}

// ownersDecide reports whether the operation itself compares the sender with a token's owner.
func (a *access) ownersDecide(row *api) bool { return row.who.scope == tokenOwners }

// checkNoSecret looks for the secrets that the requests have in any form.
func checkNoSecret(t *testing.T, f *accessFixture, log string) {
	t.Helper()
	for _, secret := range [][]byte{f.own.HMAC, f.token.HMAC, bytes.Repeat([]byte{7}, 16)} {
		for _, text := range []string{
			string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret),
			fmt.Sprintf("%d", secret), strconv.Quote(string(secret)),
		} {
			if len(secret) > 0 && strings.Contains(log, text) {
				t.Errorf("a secret is in the log")
			}
		}
	}
}

// TestAuditOfCallersInThisProcess: Do, DoNext and ChangeBroker are audited, dry runs are not.
func TestAuditOfCallersInThisProcess(t *testing.T) {
	t.Parallel()
	var log logtest.Buffer
	read := 0
	d := newTestDriver(t, loggingTo(&log, slog.LevelInfo))
	epoch := d.addBroker(1)
	d.addBroker(2)
	caller := directCaller(eve)
	want := func(msg string, parts ...string) {
		t.Helper()
		lines := linesOf(&log, &read, "audit")
		if msg == "" && len(lines) == 0 {
			return
		}
		if len(lines) != 1 {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for _, part := range append(parts, "msg="+msg, "by=User:eve") {
			if !strings.Contains(lines[0], part) {
				t.Errorf("%q is not in %s", part, lines[0])
			}
		}
	}
	run := func(f func(context.Context) error) {
		t.Helper()
		done := make(chan error, 1)
		go func() { done <- f(t.Context()) }()
		for {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				return
			case <-d.queue.wake:
				d.settle()
			}
		}
	}
	linesOf(&log, &read, "audit")
	creation := kmsg.NewPtrCreateTopicsRequest()
	creation.Topics = []kmsg.CreateTopicsRequestTopic{newTopic("t")}
	run(func(ctx context.Context) error {
		_, err := d.Do(ctx, caller, creation)
		return err
	})
	want("changed", "api=CreateTopics", "what=t", "offset=", "result=ok")
	run(func(ctx context.Context) error {
		_, err := d.Do(ctx, caller, creation)
		return err
	})
	want(`"not changed"`, "result=TOPIC_ALREADY_EXISTS", "count=1")
	run(func(ctx context.Context) error {
		_, err := d.Do(ctx, caller, creation)
		return err
	})
	want("") // the same again, within a minute
	for _, dry := range []bool{true, false} {
		deletion := &kmsg.DeleteTopicsRequest{Version: 6,
			Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: kmsg.StringPtr("t")}}}
		run(func(ctx context.Context) error {
			_, err := d.DoNext(ctx, caller, Operation{Name: "delete", DryRun: dry,
				Make: func(*metadata.Image) (kmsg.Request, error) { return deletion, nil }})
			return err
		})
		if dry {
			want("")
			continue
		}
		want("changed", "api=delete", "what=t", "offset=")
	}
	fence := TargetFenced
	run(func(ctx context.Context) error {
		_, err := d.ChangeBroker(ctx, caller,
			BrokerChange{BrokerID: 1, BrokerEpoch: epoch, State: &fence})
		return err
	})
	want("changed", "api=BrokerChange", `what="broker 1"`)
}

// TestDenialsAreLoggedOnce: with the reason, and not what only chooses among rights.
func TestDenialsAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log logtest.Buffer
	read := 0
	f := newAccessFixture(t, loggingTo(&log, slog.LevelDebug))
	creation := func() kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.Topics = 7, []kmsg.CreateTopicsRequestTopic{newTopic("n")}
		return req
	}
	linesOf(&log, &read, "authorizer")
	for range 3 {
		f.direct(creation())
	}
	lines := linesOf(&log, &read, "authorizer")
	if len(lines) != 1 || !strings.Contains(lines[0], `msg=denied logger=authorizer by=User:eve `+
		`from=10.1.2.3 listener=CONTROLLER operation="CREATE on TOPIC n" `+
		`why="no entry is about the resource" request=CreateTopics count=1`) ||
		!strings.Contains(lines[0], "level=INFO") {
		t.Errorf("%q", lines)
	}
	f.clock.Advance(pacedEvery, f.settle)
	f.direct(creation())
	lines = linesOf(&log, &read, "authorizer")
	if len(lines) != 1 || !strings.Contains(lines[0], "count=3") {
		t.Errorf("after a minute: %q", lines)
	}
	f.allow(eve, "CREATE TOPIC n")
	linesOf(&log, &read, "authorizer")
	f.direct(creation())
	lines = linesOf(&log, &read, "authorizer")
	if len(lines) != 1 || !strings.Contains(lines[0], "level=DEBUG msg=allowed") ||
		!strings.Contains(lines[0], "User:eve from * is allowed CREATE on TOPIC n") {
		t.Errorf("allowed: %q", lines)
	}
	all := kmsg.NewPtrMetadataRequest()
	all.Version = 12
	f.direct(all)
	for _, line := range linesOf(&log, &read, "authorizer") {
		t.Errorf("what is left out of an answer is logged: %s", line)
	}
}

// TestAboutIsBounded: names in the log are cut.
func TestAboutIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x00é", 20_000)
	var b acls.Binding
	creation := kmsg.CreateACLsRequestCreation{ResourceName: long, Principal: long, Host: long}
	b = bindingOf(&creation)
	req := &kmsg.CreateACLsRequest{}
	for range 1000 {
		req.Creations = append(req.Creations, creation)
	}
	if text := about(req); len(text) > 2000 || !strings.HasSuffix(text, " and 995 more") ||
		len(b.String()) > 4000 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	caller := protocol.Caller{Principal: long}
	if text := fmt.Sprint(senderAttrs(caller)...); len(text) > 1000 {
		t.Errorf("%d bytes", len(text))
	}
}
