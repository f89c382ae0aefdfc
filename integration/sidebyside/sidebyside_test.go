package sidebyside

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }

// TestSideBySide runs the scripts of each directory against a pair of controllers of its own.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	known := readDifferences(t)
	t.Run("scripts", func(t *testing.T) {
		for _, dir := range scriptDirs(t) {
			t.Run(filepath.Base(dir), func(t *testing.T) {
				t.Parallel()
				runDir(t, dir, known)
			})
		}
	})
	known.requireUsed(t)
}

func scriptDirs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	dirs := make([]string, len(files))
	for i, f := range files {
		dirs[i] = filepath.Dir(f)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func runDir(t *testing.T, dir string, known *differences) {
	files, err := filepath.Glob(dir + "/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, known: known}
	defer s.report()
	for _, file := range files {
		datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
			return s.command(t, d)
		})
	}
	s.compareRecords()
}

// script is a run of the files of one directory.
type script struct {
	t            *testing.T
	known        *differences
	apache, ours *side
	versions     map[int16][2]int16 // by key, what Apache's controller serves
	steps        []step
	locked       bool // the log can no longer be read: see lock
	problems     []problem
}

// problem is a difference that is not intended.
type problem struct{ at, request, difference string }

// differ notes a problem. The script goes on, so that one run shows all of them.
func (s *script) differ(at, request, apache, ours string) {
	s.problems = append(s.problems, problem{at, request, unlike(apache, ours)})
}

// report fails the test with all problems; those of one request that are alike are one.
func (s *script) report() {
	for i := 0; i < len(s.problems); {
		p := s.problems[i]
		at := p.at
		for i++; i < len(s.problems) && s.problems[i].request == p.request &&
			s.problems[i].difference == p.difference; i++ {
			_, form, _ := strings.Cut(s.problems[i].at, " ")
			at += " " + form
		}
		s.t.Errorf("\n%s\n%s\n%s", at, p.request, p.difference)
	}
}

// step is one exchange, the same with both.
type step struct {
	at   string // file:line and the form in which the request was sent
	name string // of the request
	// ends are the ends of the logs after it
	apacheEnd, ourEnd int64
}

func (s *script) command(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "cluster":
		return s.start(d)
	case "registered":
		return s.registered(d)
	case "raw":
		return s.raw(t, d)
	case "versions":
		return s.unserved(t, d)
	case "truncated":
		return s.truncated(t, d)
	case "acls":
		return s.setACLs(t, d)
	case "lock":
		return s.lock(t, d)
	}
	return s.send(t, d)
}

// start begins with two empty clusters. Arguments: format=(...), further arguments of
// kafka-storage format; the input is further properties, one a line.
func (s *script) start(d *datadriven.TestData) string {
	o := kafka.ControllerOptions{
		Version: kafka.V44, FormatBy: kafka.V44, ClusterID: protocol.NewUUID().String(),
		// no NoOps, and no fencing by time
		Properties: map[string]string{
			"metadata.max.idle.interval.ms": "0", "broker.session.timeout.ms": "3600000",
		},
	}
	for _, a := range d.CmdArgs {
		if a.Key == "format" {
			o.FormatArgs = a.Vals
		}
	}
	for line := range strings.Lines(d.Input) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		o.Properties[key] = value
	}
	s.apache = newSide(s.t, "Apache", kafka.StartControllers(s.t, 1, o))
	s.ours = newSide(s.t, "ours", kafka.StartYAKt(s.t, kafka.BuildYAKt(s.t), 1, o))
	s.versions = s.apache.served()
	return s.registered(d)
}

// registered waits until both controllers have registered themselves, if their level allows it.
func (s *script) registered(d *datadriven.TestData) string {
	for _, x := range []*side{s.apache, s.ours} {
		x.awaitRegistration()
	}
	s.done(d.Pos, d.Cmd)
	return ""
}

// done closes a step.
func (s *script) done(at, name string) {
	if s.locked {
		s.steps = append(s.steps, step{at, name, s.apache.end, s.ours.end})
		return
	}
	s.steps = append(s.steps, step{at, name, s.apache.readLog(), s.ours.readLog()})
}

// form is how a request is sent.
type form struct {
	version   int16
	forwarded bool
	// as and from are the principal and the address in the envelope; "": the connection's.
	as, from string
}

func (f form) String() string {
	if f.forwarded {
		return fmt.Sprintf("v%d forwarded", f.version)
	}
	return fmt.Sprintf("v%d", f.version)
}

// unique is the text of $u.
func (f form) unique() string {
	if f.forwarded {
		return fmt.Sprintf("u%de", f.version)
	}
	return fmt.Sprintf("u%dd", f.version)
}

// expand replaces $u, and %v by the version.
func (f form) expand(text string) string {
	return strings.NewReplacer("$u", f.unique(), "%v", fmt.Sprint(f.version)).Replace(text)
}

func (s *script) forms(d *datadriven.TestData, key int16) []form {
	lo, hi := s.versions[key][0], s.versions[key][1]
	forwarded := []bool{false}
	if forwardable[key] {
		forwarded = []bool{false, true}
	}
	var as, from string
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "v":
			from, to, isRange := strings.Cut(a.Vals[0], "-")
			lo, hi = number(from), number(from)
			if isRange {
				hi = number(to)
			}
		case "once", "set":
			lo, forwarded = hi, forwarded[:1]
		case "direct":
			forwarded = []bool{false}
		case "forwarded":
			forwarded = []bool{true}
		case "as":
			forwarded, as = []bool{true}, a.Vals[0]
		case "from":
			from = a.Vals[0]
		}
	}
	var forms []form
	for v := lo; v <= hi; v++ {
		for _, f := range forwarded {
			forms = append(forms, form{v, f, as, from})
		}
	}
	return forms
}

func number(text string) int16 {
	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		panic(err)
	}
	return int16(n)
}

// send exchanges one request, in all its forms, with both.
func (s *script) send(t *testing.T, d *datadriven.TestData) string {
	key := keyOf(d.Cmd)
	if key < 0 {
		d.Fatalf(t, "there is no request or command %s", d.Cmd)
	}
	var answers []answered
	for _, f := range s.forms(d, key) {
		a := s.apache.exchange(t, d, key, f)
		o := s.ours.exchange(t, d, key, f)
		s.compare(d, f, a, o)
		answers = append(answers, answered{f, a})
	}
	if d.HasArg("full") {
		return grouped(answers)
	}
	return brief(grouped(answers))
}

func (s *script) compare(d *datadriven.TestData, f form, apache, ours string) {
	at := fmt.Sprintf("%s (%v)", d.Pos, f)
	s.done(at, d.Cmd)
	if !s.known.explains(d.Cmd, false, apache, ours) {
		s.differ(at, d.Cmd+" "+d.Input, apache, ours)
	}
}

// unlike shows what only one side says, line by line if the text is long.
func unlike(apache, ours string) string {
	a, o := strings.Split(apache, "\n"), strings.Split(ours, "\n")
	var b strings.Builder
	for _, line := range a {
		if !slices.Contains(o, line) {
			fmt.Fprintf(&b, "Apache: %s\n", line)
		}
	}
	for _, line := range o {
		if !slices.Contains(a, line) {
			fmt.Fprintf(&b, "ours:   %s\n", line)
		}
	}
	return b.String()
}

var longList = regexp.MustCompile(`\[\n([^\n]*)\n((?:  [^\n]*\n)*)\]`)

// brief shortens long lists of configs, which the comparison covers.
func brief(text string) string {
	return longList.ReplaceAllStringFunc(text, func(list string) string {
		m := longList.FindStringSubmatch(list)
		h := fnv.New32a()
		h.Write([]byte(list))
		return fmt.Sprintf("[%s, and %d more (%08x)]", strings.TrimSpace(m[1]),
			strings.Count(m[2], "\n"), h.Sum32())
	})
}

type answered struct {
	form
	text string
}

// grouped joins equal answers of consecutive versions.
func grouped(answers []answered) string {
	var lines []string
	for _, only := range []bool{false, true} {
		var from, to int16
		text := ""
		flush := func() {
			if text == "" {
				return
			}
			label := fmt.Sprintf("v%d-%d", from, to)
			if from == to {
				label = fmt.Sprintf("v%d", from)
			}
			if only {
				label += " forwarded"
			}
			lines = append(lines, label+": "+text)
		}
		for _, a := range answers {
			if a.forwarded != only || only && same(answers, a) {
				continue
			}
			if a.text == text && a.version == to+1 {
				to = a.version
				continue
			}
			flush()
			from, to, text = a.version, a.version, a.text
		}
		flush()
	}
	return strings.Join(lines, "\n")
}

// same reports whether the answer to the request that was not forwarded is the same.
func same(answers []answered, a answered) bool {
	return slices.ContainsFunc(answers, func(b answered) bool {
		return !b.forwarded && b.version == a.version && b.text == a.text
	})
}

func keyOf(name string) int16 {
	for key := range int16(kmsg.MaxKey + 1) {
		if kmsg.NameForKey(key) == name {
			return key
		}
	}
	return -1
}

// forwardable are the keys that brokers send in an ENVELOPE.
var forwardable = map[int16]bool{
	19: true, 20: true, 30: true, 31: true, 33: true, 37: true, 38: true, 39: true, 40: true,
	43: true, 44: true, 45: true, 46: true, 49: true, 51: true, 55: true, 57: true, 64: true,
	67: true, 80: true, 81: true, 94: true,
}

// raw sends a body as it is: raw key=19 version=7, with the body in hexadecimal digits.
func (s *script) raw(t *testing.T, d *datadriven.TestData) string {
	var key, version string
	d.ScanArgs(t, "key", &key)
	d.ScanArgs(t, "version", &version)
	body, err := hex.DecodeString(strings.Join(strings.Fields(d.Input), ""))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	frame := kafka.RawFrame(number(key), number(version), body)
	a, o := s.apache.exchangeRaw(frame), s.ours.exchangeRaw(frame)
	s.compare(d, form{version: number(version)}, a, o)
	return a
}

// unserved sends every key in the versions beside the range that Apache's controllers serve, and
// the keys that they do not serve in version 0.
func (s *script) unserved(t *testing.T, d *datadriven.TestData) string {
	return s.each(t, d, func(key int16) (frames []askedFrame) {
		lo, hi := int16(0), int16(-1)
		if served, ok := s.versions[key]; ok {
			lo, hi = served[0], served[1]
		}
		for _, v := range []int16{lo - 1, hi + 1} {
			frames = append(frames, askedFrame{v, kafka.RawFrame(key, v, nil)})
		}
		return frames
	})
}

// truncated sends every request without its last byte.
func (s *script) truncated(t *testing.T, d *datadriven.TestData) string {
	return s.each(t, d, func(key int16) (frames []askedFrame) {
		served, ok := s.versions[key]
		if !ok {
			return nil
		}
		for v := served[0]; v <= served[1]; v++ {
			req := kmsg.RequestForKey(key)
			req.SetVersion(v)
			frame := kafka.Frame(req)
			if len(req.AppendTo(nil)) == 0 {
				continue
			}
			frame = frame[:len(frame)-1]
			binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
			frames = append(frames, askedFrame{v, frame})
		}
		return frames
	})
}

// askedFrame is a frame of a version.
type askedFrame struct {
	version int16
	frame   []byte
}

// each sends frames of every key, and returns Apache's answers by their text.
func (s *script) each(
	t *testing.T, d *datadriven.TestData, frames func(key int16) []askedFrame,
) string {
	which := map[string][]string{}
	for key := range int16(kmsg.MaxKey + 2) {
		for _, f := range frames(key) {
			a, o := s.apache.exchangeRaw(f.frame), s.ours.exchangeRaw(f.frame)
			what := fmt.Sprintf("%s v%d", cmp.Or(kmsg.NameForKey(key), "Unknown"), f.version)
			if !s.known.explains(what, false, a, o) {
				s.differ(d.Pos, what, a, o)
			}
			which[a] = append(which[a], what)
		}
	}
	s.done(d.Pos, d.Cmd)
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(which)) {
		lines = append(lines, text+":", "  "+strings.Join(which[text], ", "))
	}
	return strings.Join(lines, "\n")
}
