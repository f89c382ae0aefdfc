package differential

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// tally counts occurrences by name, in groups.
type tally map[string]map[string]int

func (t tally) add(of, what string) {
	if t[of] == nil {
		t[of] = make(map[string]int)
	}
	t[of][what]++
}

func (t tally) String() string {
	var b strings.Builder
	for _, of := range slices.Sorted(maps.Keys(t)) {
		var all []string
		for what, n := range t[of] {
			all = append(all, fmt.Sprintf("%9d %s", n, what))
		}
		slices.SortFunc(all, func(a, b string) int {
			return cmp.Or(cmp.Compare(b[:9], a[:9]), cmp.Compare(a, b))
		})
		fmt.Fprintf(&b, "  %s\n%s\n", of, strings.Join(all, "\n"))
	}
	return b.String()
}

// counts are the tallies of a test.
type counts struct {
	operations  int
	byKind      tally // operations
	versions    tally // requests
	levels      tally // operations by metadata.version
	answers     tally // error codes, at every level of a response, by request
	records     tally
	changes     tally // changes of partitions, by whether there was an ELR
	differences tally // the intended ones
}

func newCounts() *counts {
	return &counts{
		byKind: make(tally), versions: make(tally), levels: make(tally), answers: make(tally),
		records: make(tally), changes: make(tally), differences: make(tally),
	}
}

func (c *counts) String() string {
	var b strings.Builder
	for _, part := range []struct {
		name string
		tally
	}{
		{"operations", c.byKind}, {"by metadata.version", c.levels},
		{"versions of requests", c.versions}, {"answers", c.answers}, {"records", c.records},
		{"changes of partitions", c.changes}, {"wanted differences", c.differences},
	} {
		fmt.Fprintf(&b, "%s\n%s", part.name, part.tally)
	}
	return b.String()
}

func (p *pair) count(kind string) {
	p.counts.operations++
	p.counts.byKind.add("", kind)
	elr := "without ELR"
	if p.ours.Image().ElrEnabled() {
		elr = "with ELR"
	}
	p.counts.levels.add(elr, p.ours.Image().Version().String())
}

func (c *counts) answered(kind string, resp kmsg.Response) {
	eachError(reflect.ValueOf(resp), func(code int16) {
		name := "NONE"
		if code != 0 {
			name = strings.SplitN(kerr.ErrorForCode(code).Error(), ":", 2)[0]
		}
		c.answers.add(kind, name)
	})
}

func eachError(v reflect.Value, f func(int16)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachError(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachError(v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "ErrorCode" {
				f(int16(v.Field(i).Int()))
			} else {
				eachError(v.Field(i), f)
			}
		}
	}
}

// written counts the records of our side.
func (c *counts) written(d *divergence) {
	for _, w := range d.ours.records {
		c.records.add("", fmt.Sprintf("%T v%d", w.record, w.version)[len("*record."):])
		switch r := w.record.(type) {
		case *record.PartitionChange:
			c.changed(d, r)
		case *record.BrokerRegistrationChange:
			c.records.add("what BrokerRegistrationChange says",
				fmt.Sprintf("fenced %d, in controlled shutdown %d, directories %v, cordoned %v",
					r.Fenced, r.InControlledShutdown, r.LogDirs != nil, r.CordonedLogDirs != nil))
		}
	}
}

// changed counts the effects of a change on its partition. Several changes of one partition in an
// operation are all compared with the state before the first.
func (c *counts) changed(d *divergence, r *record.PartitionChange) {
	old := d.before.Partition(r.TopicID, r.PartitionID)
	if old == nil {
		return
	}
	after := old.Merge(r)
	elr := "without ELR"
	if d.before.ElrEnabled() {
		elr = "with ELR"
	}
	for _, is := range []struct {
		what string
		true bool
	}{
		{"leader lost", r.Leader == record.NoLeader},
		{"leader kept in a new epoch", r.Leader == old.Leader},
		{"leader elected " + from(old, after), r.Leader >= 0 && r.Leader != old.Leader},
		{"leader elected from none", r.Leader >= 0 && old.Leader < 0},
		{"recovered", old.RecoveryState == record.Recovering &&
			after.RecoveryState == record.Recovered},
		{"ISR grows", len(minus(after.ISR, old.ISR)) > 0},
		{"ISR shrinks", len(minus(old.ISR, after.ISR)) > 0},
		{"ISR empty", len(after.ISR) == 0},
		{"ELR grows", len(minus(after.ELR(), old.ELR())) > 0},
		{"ELR shrinks", len(minus(old.ELR(), after.ELR())) > 0},
		{"last known leader set", len(r.LastKnownELR) > 0},
		{"last known leader forgotten", r.LastKnownELR != nil && len(r.LastKnownELR) == 0},
		{"reassignment begins", !old.Reassigning() && after.Reassigning()},
		{"reassignment ends", old.Reassigning() && !after.Reassigning()},
		{"reassignment cancelled", len(old.Adding()) > 0 &&
			len(minus(old.Adding(), after.Replicas)) == len(old.Adding())},
		{"reassignment goes elsewhere", old.Reassigning() && after.Reassigning() &&
			r.Replicas != nil},
		{"reassigned at once", !old.Reassigning() && !after.Reassigning() && r.Replicas != nil},
		{"replicas more", len(after.Replicas) > len(old.Replicas)},
		{"replicas fewer", len(after.Replicas) < len(old.Replicas)},
		{"directories change", r.Directories != nil && r.Replicas == nil},
	} {
		if is.true {
			c.changes.add(elr, is.what)
		}
	}
}

// from says where a new leader comes from.
func from(old, after *metadata.Partition) string {
	switch {
	case slices.Contains(old.ISR, after.Leader):
		return "from the ISR"
	case slices.Contains(old.ELR(), after.Leader):
		return "from the ELR"
	case slices.Contains(old.LastKnownELR(), after.Leader):
		return "as the last known one"
	case after.RecoveryState == record.Recovering:
		return "uncleanly"
	}
	return "from what joins the ISR"
}
