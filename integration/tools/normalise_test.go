package tools

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/yakt/yakt/integration/kafka"
)

// names maps values of one run (addresses, directories, ids) to the names that commands and
// recorded outputs have for them.
type names struct{ ofValue map[string]string }

func newNames() *names { return &names{map[string]string{}} }

// set gives a value a name; the name is written $NAME in transcripts.
func (n *names) set(name, value string) {
	maps.DeleteFunc(n.ofValue, func(_, other string) bool { return other == name })
	n.ofValue[value] = name
}

// expand replaces names by values.
func (n *names) expand(text string) string {
	for _, value := range n.sorted(func(value string) string { return n.ofValue[value] }) {
		text = strings.ReplaceAll(text, "$"+n.ofValue[value], value)
	}
	return text
}

// hide replaces values by names.
func (n *names) hide(text string) string {
	for _, value := range n.sorted(func(value string) string { return value }) {
		text = strings.ReplaceAll(text, value, "$"+n.ofValue[value])
	}
	return text
}

// sorted returns the values by descending length of key, so that no replacement hits a part of a
// longer one.
func (n *names) sorted(key func(string) string) []string {
	var values []string
	for v := range n.ofValue {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(key(b)), len(key(a))), cmp.Compare(a, b))
	})
	return values
}

// varying is what differs from run to run, on the same controllers too.
var varying = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`\b1[6-9]\d{11}\b`), "<time>"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([.,]\d{3})?Z?`), "<date>"},
	{regexp.MustCompile(`[A-Za-z0-9+/]{86}==`), "<hmac>"},
	{regexp.MustCompile(`(tries=|after )\d+(, nextAllowedTryMs| attempt)`), "${1}<n>${2}"},
	{regexp.MustCompile(`(\$LOGDIR\d?)[AB]\b`), "$1"}, // which directory a broker chose
	{regexp.MustCompile(`crc: \d+`), "crc: <n>"},
	{regexp.MustCompile(`(\bEpoch: +)\d+`), "${1}<offset>"},
	{regexp.MustCompile(`(LeaderEpoch|HighWatermark|MaxFollowerLag|MaxFollowerLagTimeMs)(: +)\d+`),
		"${1}${2}<n>"},
	{regexp.MustCompile(`(producerId|ProducerId[:=] ?)\d+`), "${1}<n>"},
	{regexp.MustCompile(`consumer-[\w.-]+-[0-9a-f]{8}-[0-9a-f-]{27}`), "<member>"},
	// Apache prints its own object of the request, YAKt the name of the API
	{regexp.MustCompile(`\bRequest (Request\(.*\)|[A-Z]\w+) needs`), "Request <request> needs"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
}

var (
	wordChars = regexp.MustCompile(`[\w-]+`)
	// words matches words in camel case, lower case or upper case: no random id.
	words = regexp.MustCompile(`^([A-Z]?[a-z]+)([A-Z][a-z]+)*$|^[A-Z_]+$|^[a-z_-]+$`)

	// mechanisms are the SCRAM mechanisms of one user, in the order of Java's identity hash codes.
	mechanisms = regexp.MustCompile(`SCRAM-SHA-\d+=iterations=\d+(, SCRAM-SHA-\d+=iterations=\d+)+`)

	stackFrame = regexp.MustCompile(`^\s+(at .*\)|\.\.\. \d+ (common frames omitted|more))$`)
)

// normalise replaces what varies by names and drops stack frames.
func (n *names) normalise(text string) string {
	text = n.hide(text)
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.name)
	}
	text = mechanisms.ReplaceAllStringFunc(text, func(list string) string {
		each := strings.Split(list, ", ")
		slices.Sort(each)
		return strings.Join(each, ", ")
	})
	text = wordChars.ReplaceAllStringFunc(text, func(word string) string {
		if len(word) == 22 && !words.MatchString(word) {
			return "<id>"
		}
		return word
	})
	var kept []string
	for line := range strings.Lines(text) {
		if !stackFrame.MatchString(strings.TrimSuffix(line, "\n")) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

var (
	number = regexp.MustCompile(`\b\d+([.,]\d+)?`)
	space  = regexp.MustCompile(`[ \t]+`)
	// brackets of JSON, with the commas between them
	brackets = regexp.MustCompile(`[{}\[\],]*[{}\[\]][{}\[\],]*`)
)

// options are what directives set for the command that follows.
type options struct {
	sorted  bool   // the order of the output's lines follows hash codes of random ids
	numbers bool   // numbers vary: sizes, rates, durations
	heading bool   // only the first lines of both outputs are compared
	code    bool   // only the exit code is compared: each side has its own words
	pieces  bool   // JSON about a broker's directories, whose order and contents vary
	capture string // a pattern of capturable whose match gets a name
}

// transcribe writes a result as the lines of a transcript.
func (n *names) transcribe(r kafka.ToolResult, o options) string {
	stdout := n.normalise(r.Stdout)
	if o.numbers {
		stdout = space.ReplaceAllString(number.ReplaceAllString(stdout, "<n>"), " ")
	}
	if o.pieces {
		stdout = brackets.ReplaceAllString(stdout, "\n")
	}
	stderr := n.normalise(r.Stderr)
	switch {
	case o.code:
		return fmt.Sprintf("= %d\n", r.ExitCode)
	case o.heading:
		stdout, stderr = heading(stdout), heading(stderr)
	}
	out := marked(">", stdout, o.sorted || o.pieces) + marked("!", stderr, false)
	if r.ExitCode != 0 {
		out += fmt.Sprintf("= %d\n", r.ExitCode)
	}
	return out
}

func heading(text string) string {
	first, _, more := strings.Cut(text, "\n")
	if !more {
		return text
	}
	return first + "\n...\n"
}

// marked puts a mark before each line, without white space at its end.
func marked(mark, text string, sorted bool) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(mark+" "+line, " \t\r\n")+"\n")
	}
	if sorted {
		slices.Sort(lines)
	}
	return strings.Join(lines, "")
}
