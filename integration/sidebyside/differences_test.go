package sidebyside

import (
	"os"
	"regexp"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// difference is an intended one: what the regular expression Apache matches in Apache's answer, or
// in the records that it writes, becomes Ours. With Whole instead, Apache matches its whole answer,
// and ours as a whole matches Whole.
type difference struct {
	Request string // kmsg's name, or a regular expression for several
	Records bool   // about records instead of the answer
	Apache  string
	Ours    string
	Whole   string
	Reason  string

	request, apache, whole *regexp.Regexp
	used                   bool
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
		if x.Whole != "" {
			x.apache = regexp.MustCompile("(?s)^(" + x.Apache + ")$")
			x.whole = regexp.MustCompile("(?s)^(" + x.Whole + ")$")
		}
	}
	return d
}

// apply returns what Apache's answer would be with the intended differences, as far as they
// explain something.
func (d *differences) apply(request, apache, ours string) string {
	return d.explain(request, false, apache, ours)
}

func (d *differences) explain(request string, records bool, apache, ours string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.list {
		if apache == ours {
			break
		}
		if x.Records != records || !x.request.MatchString(request) {
			continue
		}
		if changed := x.change(apache, ours); changed != apache {
			apache = changed
			x.used = true
		}
	}
	return apache
}

func (x *difference) change(apache, ours string) string {
	if x.whole == nil {
		return x.apache.ReplaceAllString(apache, x.Ours)
	}
	if x.apache.MatchString(apache) && x.whole.MatchString(ours) {
		return ours
	}
	return apache
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
