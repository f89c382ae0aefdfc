package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// The bounds that hold under every attack.
const (
	attackTopics     = 100_000
	attackMemoryMax  = 256.0 // MiB above idle
	attackEventMax   = 50 * time.Millisecond
	attackP99Max     = 50 * time.Millisecond
	attackLongestMax = 250 * time.Millisecond
	attackRecovery   = 10 * time.Second
	// attackSpread is the MiB by which memory may differ 10 s later, as it does between two garbage
	// collections.
	attackSpread      = 64.0
	attackDescriptors = 8 // descriptors that may differ then
	attackLasts       = 2 * time.Second
	attackGuard       = 3 << 10 // MiB; the test then kills the node, to protect the machine
)

// attack is the action of a stranger. It returns when ctx ends, or earlier; the test then closes
// its connections.
type attack struct {
	name  string
	at    string        // host:port under attack; by default the victim's controller listener
	lasts time.Duration // attackLasts by default
	// refusals is how many new connections of the good client may be closed: where newcomers are as
	// many as there is room for, one of them cannot be told from another.
	refusals int
	do       func(ctx context.Context, v *victim, a *kafka.Attacker)
}

// victim is a leading node under attack, with an idle node for comparison.
type victim struct {
	t    testing.TB
	q    *kafka.Controllers
	id   int32
	idle *kafka.Controllers
	// rested is the footprint before the first attack; nil before that.
	rested *kafka.Footprint
	asked  kafka.Asked // how a good client connects
}

// damage is the effect of an attack.
type damage struct {
	rested        kafka.Footprint // before the first attack
	before, after kafka.Footprint
	peakMiB       float64
	recovered     time.Duration // until memory and descriptors were normal again
	event         time.Duration // the core's longest
	eventName     string
	logLines      int
	waits         kafka.Waits
	refusals      int // of new connections that are expected
	died          error
}

func (d damage) String() string {
	return fmt.Sprintf("idle %v; peak +%.0f MiB; event %v %s; good client: %v; %d log lines; %v "+
		"after: %v",
		d.before, d.peakMiB-d.before.ResidentMiB, d.event.Round(time.Millisecond), d.eventName,
		d.waits,
		d.logLines, d.recovered.Round(time.Second/10), d.after)
}

// slackVariable multiplies the bounds of time, for a machine that others use as well.
const slackVariable = "YAKT_TEST_ATTACK_SLACK"

func slack() time.Duration {
	if n, err := strconv.Atoi(os.Getenv(slackVariable)); err == nil && n > 0 {
		return time.Duration(n)
	}
	return 1
}

// problems returns the bounds that an attack has broken.
func (d damage) problems() error {
	var errs []error
	above := func(what string, got, most any, is bool) {
		if is {
			errs = append(errs, fmt.Errorf("%s %v, at most %v", what, got, most))
		}
	}
	grown := d.peakMiB - d.before.ResidentMiB
	above("memory grew by MiB", int(grown), attackMemoryMax, grown > attackMemoryMax)
	event := d.event - d.waits.Unscheduled // an event runs on one thread
	n := slack()
	eventMax, p99Max, longestMax := n*attackEventMax, n*attackP99Max, n*attackLongestMax
	above("event "+d.eventName, event, eventMax, event > eventMax)
	above("p99", d.waits.P99, p99Max, d.waits.P99 > p99Max)
	above("longest wait", d.waits.Longest, longestMax, d.waits.Longest > longestMax)
	above("failed requests of a good client", d.waits.Failed, d.refusals,
		d.waits.Failures > d.refusals || slices.ContainsFunc(d.waits.Failed, onKept))
	errs = append(errs, d.left(), d.died)
	return errors.Join(errs...)
}

// onKept reports whether a failed request was on a connection that the good client keeps.
func onKept(failed string) bool { return !strings.HasPrefix(failed, "versions: ") }

// left returns the resources that were not returned.
func (d damage) left() error {
	if d.after.ResidentMiB > d.rested.ResidentMiB+attackSpread ||
		d.after.Descriptors > d.rested.Descriptors+attackDescriptors {
		return fmt.Errorf("%v after %v are left, before it were %v", d.after, attackRecovery,
			d.rested)
	}
	return nil
}

// tries bounds how often an attack is repeated: what broke a bound may have been the machine.
const tries = 4

// attacking is held during an attack and its preparation: the effects of concurrent ones could not
// be told apart.
var attacking sync.Mutex

// newVictims starts a quorum of n nodes with that many topics, and an idle node.
func newVictims(t *testing.T, n, topics int) *victim {
	t.Helper()
	v := startVictims(t, n, kafka.ControllerOptions{})
	attacking.Lock()
	defer attacking.Unlock()
	kafka.FillTopics(t, v.addr(), topics)
	return v
}

// startVictims starts a quorum of n nodes, and an idle node, with these options.
func startVictims(t *testing.T, n int, o kafka.ControllerOptions) *victim {
	t.Helper()
	binary := kafka.BuildYAKt(t)
	attacking.Lock()
	defer attacking.Unlock()
	properties := kafka.LongSessions()
	// A snapshot that attacks can download.
	properties["metadata.log.max.record.bytes.between.snapshots"] = "8388608"
	properties["controller.performance.always.log.threshold.ms"] =
		fmt.Sprint(attackEventMax.Milliseconds())
	victims, idle := o, o
	victims.Properties, idle.Properties = properties, kafka.LongSessions()
	v := &victim{t: t, q: kafka.StartYAKt(t, binary, n, victims),
		idle: kafka.StartYAKt(t, binary, 1, idle)}
	for _, q := range []*kafka.Controllers{v.q, v.idle} {
		kafka.FakeBrokers(t, q, 1)
	}
	v.id = kafka.WaitLeader(t, v.q, kafka.Patience).ID
	return v
}

func (v *victim) addr() string        { return v.q.Endpoint(v.id) }
func (v *victim) httpAddr() string    { return v.q.HTTPAddr(v.id) }
func (v *victim) node() *kafka.Server { return v.q.Node(v.id) }

// endure runs an attack, again if it broke a bound, and fails the test if every try did.
func (v *victim) endure(t *testing.T, a attack) {
	t.Helper()
	attacking.Lock()
	defer attacking.Unlock()
	for try := range tries {
		d := v.suffer(t, a)
		kafka.Logf(t, "%s: %v", a.name, d)
		err := d.problems()
		if err == nil {
			return
		}
		if v.restore(t); try == tries-1 {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

// restore restarts the node if it has ended or has not returned resources.
func (v *victim) restore(t *testing.T) {
	t.Helper()
	v.node().Kill()
	v.node().Start(t)
	v.id = kafka.WaitLeader(t, v.q, kafka.Patience).ID
}

// suffer runs an attack beside a good client.
func (v *victim) suffer(t *testing.T, a attack) (d damage) {
	t.Helper()
	d.before = v.quiet(t)
	if v.rested == nil {
		rested := d.before
		v.rested = &rested
	}
	d.rested, d.refusals = *v.rested, a.refusals
	v.node().ResetPeak(t)
	logged := len(v.node().Log())
	first := v.idle.Nodes()[0]
	asked, idle := v.asked, v.asked
	asked.Addr, asked.HTTPAddr, asked.Pid = v.addr(), v.httpAddr(), v.node().Pid()
	idle.Addr, idle.HTTPAddr = v.idle.Endpoint(first), v.idle.HTTPAddr(first)
	good := kafka.StartGoodClient(t, asked, idle)
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(a.lasts, attackLasts))
	defer cancel()
	guarded := v.guard(cancel, &d.peakMiB)
	attacker := &kafka.Attacker{Addr: cmp.Or(a.at, v.addr())}
	a.do(ctx, v, attacker)
	d.waits = good.Stop()
	attacker.Close()
	if d.died = guarded(); d.died == nil {
		d.recover(v)
	}
	log := v.node().Log()
	d.logLines = strings.Count(log[min(logged, len(log)):], "\n")
	d.event, d.eventName = slowestEvent(log[min(logged, len(log)):])
	return d
}

// quiet waits until the node does nothing whose effects could be taken for the attack's.
func (v *victim) quiet(t *testing.T) (f kafka.Footprint) {
	t.Helper()
	const still, steady = 4.0, 8 // MiB, and consecutive samples
	var err error
	low, same := 0.0, 0
	kafka.Eventually(t, kafka.Patience, "the node is quiet", func() error {
		if f, err = v.node().Footprint(); err != nil {
			return err
		}
		if f.ResidentMiB < low-still || f.ResidentMiB > low+still {
			low, same = f.ResidentMiB, 0
		}
		if same++; same < steady {
			return fmt.Errorf("it changes: %v", f)
		}
		return nil
	})
	return f
}

// guard kills the node if it uses too much memory for this machine. The returned function ends the
// guard and reports whether it killed the node.
func (v *victim) guard(cancel func(), peakMiB *float64) (end func() error) {
	stop, died := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(died)
		ticks := time.NewTicker(10 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
			}
			f, err := v.node().Footprint()
			if *peakMiB = max(*peakMiB, f.PeakMiB); err == nil && f.ResidentMiB > attackGuard {
				err = fmt.Errorf("the node took %v and was ended", f)
				v.node().Kill()
			}
			if err != nil {
				cancel()
				died <- err
				return
			}
		}
	}()
	return func() error {
		close(stop)
		return <-died
	}
}

// recover waits until the node uses no more than before, or the time limit is reached.
func (d *damage) recover(v *victim) {
	began := time.Now()
	for {
		f, err := v.node().Footprint()
		if err != nil {
			d.died = errors.Join(d.died, err)
			return
		}
		d.peakMiB, d.after, d.recovered = max(d.peakMiB, f.PeakMiB), f, time.Since(began)
		if d.left() == nil || d.recovered > attackRecovery {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var slowEvent = regexp.MustCompile(`msg="a slow event of the controller".* event=("[^"]*"|\S+) took=(\S+)`)

func slowestEvent(log string) (longest time.Duration, name string) {
	for _, m := range slowEvent.FindAllStringSubmatch(log, -1) {
		if took, err := time.ParseDuration(m[2]); err == nil && took > longest {
			longest, name = took, m[1]
		}
	}
	return longest, name
}
