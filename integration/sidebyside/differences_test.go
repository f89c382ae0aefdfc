package sidebyside

import (
	"cmp"
	"os"
	"regexp"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// difference is an intended one: what the regular expression Apache matches in Apache's answer, or
// in the records that it writes, becomes Ours. With Whole instead, Apache matches its whole answer,
// and ours as a whole matches Whole; an answer or list of records that is empty is "nothing".
// What More matches in our answer is an addition, without which the answers are compared.
type difference struct {
	Request string // kmsg's name, or a regular expression for several
	Records bool   // about records instead of the answer
	Apache  string
	Ours    string
	Whole   string
	More    string
	Reason  string

	request, apache, whole, more *regexp.Regexp
	used                         bool
}

// differences is safe for concurrent use.
type differences struct {
	mu   sync.Mutex
	list []*difference
}

func readDifferences(t *testing.T) *differences {
	t.Helper()
	b, err := os.ReadFile("testdata/differences.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &differences{}
	if err := yaml.Unmarshal(b, &d.list); err != nil {
		t.Fatal(err)
	}
	for _, x := range d.list {
		if x.Reason == "" || x.Request == "" {
			t.Fatalf("a difference without request or reason: %+v", x)
		}
		x.request = regexp.MustCompile("^(" + x.Request + ")$")
		x.apache = regexp.MustCompile("(?s)" + x.Apache)
		x.more = regexp.MustCompile("(?s)" + x.More)
		if x.Whole != "" {
			x.apache = regexp.MustCompile("(?s)^(" + x.Apache + ")$")
			x.whole = regexp.MustCompile("(?s)^(" + x.Whole + ")$")
		}
	}
	return d
}

// explains reports whether the two answers, or records, are equal but for intended differences.
func (d *differences) explains(request string, records bool, apache, ours string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.list {
		if apache == ours {
			break
		}
		if x.Records != records || !x.request.MatchString(request) {
			continue
		}
		if a, o := x.change(apache, ours); a != apache || o != ours {
			apache, ours = a, o
			x.used = true
		}
	}
	return apache == ours
}

func (x *difference) change(apache, ours string) (string, string) {
	switch {
	case x.whole != nil:
		if x.apache.MatchString(apache) && x.whole.MatchString(cmp.Or(ours, "nothing")) {
			return ours, ours
		}
		return apache, ours
	case x.More != "":
		return apache, x.more.ReplaceAllString(ours, "")
	}
	return x.apache.ReplaceAllString(apache, x.Ours), ours
}

// requireUsed fails the test for differences that no longer occur.
func (d *differences) requireUsed(t *testing.T) {
	for _, x := range d.list {
		if !x.used {
			t.Errorf("this difference no longer occurs, remove it: %s %q (%s)", x.Request, x.Apache,
				x.Reason)
		}
	}
}
