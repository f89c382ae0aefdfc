package kafka

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recorder is a test that is expected to fail; it records its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// failuresOf runs f as a test of its own and returns its failures.
func failuresOf(t *testing.T, f func(testing.TB)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.failures
}

// The harness must fail when the cluster does: with a ledger of more records than the cluster has,
// and a broker that died.
func TestHarnessNotices(t *testing.T) {
	t.Parallel()
	q := StartControllers(t, 1, ControllerOptions{})
	b := StartBroker(t, q, BrokerOptions{ID: 1, Rack: "r1"})
	addrs := Addrs(b)
	CreateTopic(t, addrs, "noticed", 1, 1)
	ledger := NewLedger("noticed")
	Produce(t, addrs, "noticed", 10, ledger)
	ledger.Verify(t, addrs)

	lie := func(change func(*Ledger)) *Ledger {
		l := NewLedger("lie")
		l.entries = append(l.entries, ledger.entries...)
		change(l)
		return l
	}
	lies := map[string]*Ledger{
		"a record past the end": lie(func(l *Ledger) {
			l.acknowledged(&kgo.Record{Topic: "noticed", Offset: 10, Value: []byte("x")})
		}),
		"another record there": lie(func(l *Ledger) { l.entries[3].Value = "x" }),
	}
	for name, l := range lies {
		if f := failuresOf(t, func(t testing.TB) { l.Verify(t, addrs) }); len(f) == 0 ||
			!strings.Contains(f[0], "acknowledged record lost") {
			t.Errorf("%s: noticed %q", name, f)
		}
	}
	noTopic := lie(func(l *Ledger) { l.topicCreated("nosuch", [16]byte{1}) })
	if err := noTopic.missingTopic(t, b.Addr()); err == nil {
		t.Error("a topic that is not there: not noticed")
	}
	otherID := lie(func(l *Ledger) { l.topicCreated("noticed", [16]byte{1}) })
	if err := otherID.missingTopic(t, b.Addr()); err == nil {
		t.Error("a topic of another id: not noticed")
	}
	b.Kill()
	if f := failuresOf(t, func(t testing.TB) { RequireAlive(t, b) }); len(f) != 1 ||
		!strings.Contains(f[0], "exited with code 137") {
		t.Errorf("a dead broker: noticed %q", f)
	}
}

// A broker that kafka-storage formatted, on two disks, with static voters, whose port another
// process took.
func TestBrokerOptions(t *testing.T) {
	t.Parallel()
	// The broker that could not listen has registered: a new one is accepted once that session has
	// ended.
	q := StartControllers(t, 1, ControllerOptions{Static: true, Properties: UsualSessions()})
	b := NewBroker(t, q, BrokerOptions{ID: 1, StaticVoters: true, FormatByTool: true, LogDirs: 2})
	taken := b.Addr()
	l, err := net.Listen("tcp", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b.Start(t)
	b.WaitStarted(t, Patience)
	if b.Addr() == taken {
		t.Errorf("started on %s, which was taken", taken)
	}
	for _, dir := range b.Dirs {
		if _, err := os.Stat(filepath.Join(dir, "meta.properties")); err != nil {
			t.Error(err)
		}
	}
	CreateTopic(t, Addrs(b), "spread", 4, 1)
}

// The requests that StartYAKt makes of a yakt binary are those that Kafka's own tools understand.
func TestYAKtCommandLines(t *testing.T) {
	t.Parallel()
	r := Resolve(t, Newest)
	dir := t.TempDir()
	log4j2, err := log4j2Config(dir, "java", filepath.Join(dir, "java.log"))
	if err != nil {
		t.Fatal(err)
	}
	java := strings.Join(r.javaCommand(toolHeapMB, log4j2, nil, "").argv, " ")
	binary := filepath.Join(dir, "yakt")
	writeScript(t, binary, `export CLASSPATH=`+r.classPath()+`
case "$1 $2" in
format\ *) shift; exec `+java+StorageTool+` format "$@" ;;
"start --config") exec `+java+serverClass+` "$3" ;;
*) echo "level=ERROR msg=usage"; exit 2 ;;
esac`)
	q := StartYAKt(t, binary, 3, ControllerOptions{ReleaseVersion: "4.2"})
	leader := WaitLeader(t, q, Patience)
	if len(leader.Voters) != 3 {
		t.Errorf("voters %v", leader.Voters)
	}
	q.Kill(leader.ID)
	if next := WaitLeader(t, q, Patience); next.ID == leader.ID || next.Epoch <= leader.Epoch {
		t.Errorf("after %+v led %+v", leader, next)
	}
}

func writeScript(t testing.TB, path, script string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
