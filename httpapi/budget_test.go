package httpapi

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/limits"
)

// takers makes shares of a budget of 100 bytes, and records which clients are cut off.
type takers struct {
	*budget
	t   *testing.T
	log bytes.Buffer
	cut []string
}

func newTakers(t *testing.T) *takers {
	k := &takers{t: t}
	k.budget = newBudget(100, limits.NewRefusals(budgetLimit,
		slog.New(slog.NewTextHandler(&k.log, nil))))
	return k
}

// take takes n bytes for a request of a client.
func (k *takers) take(client string, n int64, want bool) *share {
	k.t.Helper()
	s := k.share(client, func() { k.cut = append(k.cut, client) })
	if problem := s.take(n); (problem == nil) != want {
		k.t.Errorf("%s takes %d: %v, want %t", client, n, problem, want)
	}
	return s
}

func TestBudgetOfAnAddress(t *testing.T) {
	t.Parallel()
	k := newTakers(t)
	first := k.take("a", 40, true)
	k.take("a", 10, true)
	k.take("a", 1, false)
	k.take("b", 50, true)
	k.take("c", 1, false)
	first.release()
	first.release()
	k.take("c", 40, true)
	if log := k.log.String(); strings.Count(log, "limit="+budgetLimit) != 1 {
		t.Errorf("logged %q", log)
	}
	if k.cut != nil {
		t.Errorf("%v were cut off at once", k.cut)
	}
}

// TestSlowRequestsGiveWay checks that slow requests are cut off: those of the same address first,
// and those of any address when the budget is used up.
func TestSlowRequestsGiveWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newTakers(t)
		slow := []*share{k.take("a", 50, true), k.take("b", 50, true)}
		time.Sleep(graceTime)
		k.take("b", 10, false)
		k.take("c", 10, false)
		if got := strings.Join(k.cut, ""); got != "ba" {
			t.Errorf("cut off: %s, want b and then a", got)
		}
		for _, s := range slow {
			s.release()
		}
		for _, client := range []string{"b", "c"} {
			k.take(client, 10, true)
		}
		if k.used != 20 || len(k.of) != 2 || k.holders.Len() != 2 {
			t.Errorf("used %d by %v in %d shares", k.used, k.of, k.holders.Len())
		}
	})
}
