package tools

import (
	"fmt"
	"os"
	"strings"
)

// step is a command or a directive of a transcript.
type step struct {
	lead  []string // comments and empty lines before it
	line  string   // the command or directive as written, with "$ " or "% "
	input []string
	want  string // the output lines with their marks, each ended by a newline
}

func (s *step) isCommand() bool { return strings.HasPrefix(s.line, "$ ") }

// words splits the line as a shell does, with single quotes only.
func (s *step) words() []string {
	text, _, _ := strings.Cut(s.line[2:], " # ")
	var words []string
	var word strings.Builder
	quoted, started := false, false
	for _, c := range text {
		switch {
		case c == '\'':
			quoted, started = !quoted, true
		case c == ' ' && !quoted:
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}

func (s *step) stdin() string {
	if len(s.input) == 0 {
		return ""
	}
	return strings.Join(s.input, "\n") + "\n"
}

// transcript is a file of steps.
type transcript struct {
	path  string
	steps []*step
	tail  []string // comments and empty lines after the last step
}

func readTranscript(path string) (*transcript, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &transcript{path: path}
	for n, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if err := t.add(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
	}
	return t, nil
}

func (t *transcript) add(line string) error {
	mark, text := "", line
	if line != "" {
		mark, text = line[:1], strings.TrimPrefix(line[1:], " ")
	}
	switch mark {
	case "", "#":
		t.tail = append(t.tail, line)
		return nil
	case "$", "%":
		t.steps = append(t.steps, &step{lead: t.tail, line: line})
		t.tail = nil
		return nil
	}
	if len(t.steps) == 0 || len(t.tail) > 0 {
		return fmt.Errorf("%q is not below a command", line)
	}
	last := t.steps[len(t.steps)-1]
	switch mark {
	case "<":
		last.input = append(last.input, text)
	case ">", "!", "=":
		last.want += line + "\n"
	default:
		return fmt.Errorf("%q begins with none of # $ %% < > ! =", line)
	}
	return nil
}

// write replaces the file.
func (t *transcript) write() error {
	var b strings.Builder
	for _, s := range t.steps {
		for _, line := range append(s.lead, s.line) {
			b.WriteString(line + "\n")
		}
		for _, line := range s.input {
			b.WriteString(strings.TrimSuffix("< "+line, " ") + "\n")
		}
		b.WriteString(s.want)
	}
	for _, line := range t.tail {
		b.WriteString(line + "\n")
	}
	return os.WriteFile(t.path, []byte(b.String()), 0o644)
}
