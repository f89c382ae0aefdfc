package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the answers in docs/http.md")

const docsPath = "../docs/http.md"

// docsWidth is the maximum length of a line of an answer in the documentation.
const docsWidth = 100

// TestDocsAreTrue runs every command of docs/http.md as it is written, and compares its output with
// the block that follows. Ids and times may differ.
func TestDocsAreTrue(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the commands of docs/http.md need %s: install it "+
				"(Debian: apt-get install %[1]s)", tool)
		}
	}
	text, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	s := startOne(t, "delegation.token.secret.key=docs")
	parts := strings.Split(string(text), "```")
	for i := 1; i < len(parts); i += 2 {
		commands, ok := strings.CutPrefix(parts[i], "sh\n")
		if !ok {
			continue
		}
		printed := s.shell(commands)
		if i+2 >= len(parts) || strings.TrimSpace(parts[i+1]) != "" {
			if printed != "" {
				t.Errorf("this prints something that is not shown:\n%s\n%s", commands, printed)
			}
			continue
		}
		kind, shown, _ := strings.Cut(parts[i+2], "\n")
		if kind == "sh" {
			continue
		}
		if kind == "json" {
			printed = layOut(t, printed)
		}
		if without(printed) != without(shown) {
			if !*update {
				t.Errorf("%s\nprints\n%s\nand the documentation shows\n%s\n"+
					"If that is right: go test ./httpapi -run Docs -update", commands, printed, shown)
			}
			parts[i+2] = kind + "\n" + printed
		}
	}
	if *update {
		if err := os.WriteFile(docsPath, []byte(strings.Join(parts, "```")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) shell(commands string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "bash", "-c", commands)
	cmd.Env = append(os.Environ(), "YAKT="+s.url)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		s.t.Errorf("%s: %v\n%s", commands, err, &errOut)
	}
	return out.String()
}

// changing are the parts of an output that may differ from run to run.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"[A-Za-z0-9_-]{22}"`), `"<id>"`},
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`), `"<time>"`},
	{regexp.MustCompile(`"uptimeSeconds": ?\d+`), `"uptimeSeconds": 0`},
	{regexp.MustCompile(`"port": ?\d+`), `"port": 0`},
	{regexp.MustCompile(`\s+`), ``},
}

func without(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.with)
	}
	return text
}

// layOut breaks JSON that is too long for one line into several, and keeps the order of fields.
func layOut(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	if err := writeLaidOut(&b, json.RawMessage(text), "", ""); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return b.String() + "\n"
}

func writeLaidOut(b *strings.Builder, value json.RawMessage, indent, before string) error {
	value = bytes.TrimSpace(value)
	line := onOneLine(value)
	if len(indent)+len(before)+len(line) <= docsWidth || !slices.Contains([]byte("{["), value[0]) {
		b.WriteString(line)
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	open, err := dec.Token()
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%v", open)
	separator := "\n"
	for dec.More() {
		b.WriteString(separator + indent + "  ")
		separator = ",\n"
		name := ""
		if open == json.Delim('{') {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name = fmt.Sprintf("%q: ", key)
			b.WriteString(name)
		}
		var inner json.RawMessage
		if err := dec.Decode(&inner); err != nil {
			return err
		}
		if err := writeLaidOut(b, inner, indent+"  ", name); err != nil {
			return err
		}
	}
	b.WriteString("\n" + indent + string(value[len(value)-1]))
	return nil
}

// onOneLine is JSON with a blank after commas and colons.
func onOneLine(value []byte) string {
	var b strings.Builder
	quoted := false
	var compact bytes.Buffer
	_ = json.Compact(&compact, value)
	for i, c := range compact.Bytes() {
		if c == '"' && (i == 0 || compact.Bytes()[i-1] != '\\') {
			quoted = !quoted
		}
		b.WriteByte(c)
		if !quoted && (c == ',' || c == ':') {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
