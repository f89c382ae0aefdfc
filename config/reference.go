package config

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed reference_intro.md
var referenceIntro string

// Reference renders the configuration reference, docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceIntro)
	table := keyTable()
	sections := append([]section{{ownTitle, ownKeys()}}, kafkaSections()...)
	for _, s := range append(sections, topicSections(table)...) {
		fmt.Fprintf(&b, "## %s\n\n| Key | Takes | Default | Meaning |\n|---|---|---|---|\n", s.title)
		for _, u := range s.uses {
			key := table[u.name]
			doc := key.Doc
			if key.Void != "" {
				doc += " **Checked, and without effect:** " + key.Void + "."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", key.Name, key.takes(), key.defaultCell(), cell(doc))
		}
		b.WriteString("\n")
	}
	writeIgnored(&b)
	return b.String()
}

// takes describes the values of a key for the table. Unlike in wanted, plain text needs a word.
func (k *Key) takes() string {
	if words := k.wanted(); words != "" {
		return cell(words)
	}
	return map[string]string{"password": "a secret", "class": "a class name", "string": "text"}[k.Type]
}

func (k *Key) defaultCell() string {
	switch {
	case k.required:
		return "required"
	case !k.HasDefault:
		return "-"
	case k.Default == "":
		return "empty"
	case k.Default == "9223372036854775807":
		return "unlimited"
	}
	return "`" + cell(k.Default) + "`"
}

// cell escapes text for a table cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func writeIgnored(b *strings.Builder) {
	b.WriteString(
		"## Accepted without effect\n\nThese are Kafka's, and only brokers or the JVM act on them.\n\n",
	)
	var reasons []string
	for _, key := range Keys() {
		if key.Class != Ignored {
			continue
		}
		if key.Doc != "" {
			reasons = append(reasons, wrapped(fmt.Sprintf("- `%s`: %s", key.Name, key.Doc), "  "))
			continue
		}
		fmt.Fprintf(b, "`%s`\n", key.Name)
	}
	b.WriteString("\nThese have no effect for another reason:\n\n" + strings.Join(reasons, ""))
	b.WriteString("\n" + wrapped("So have all names that begin with `"+
		strings.Join(ignoredPrefixes, "`, `")+"` (except what `config.providers` needs).", ""))
}

// wrapped breaks a paragraph into lines of at most 100 columns, which begin with indent after the
// first, and ends it.
func wrapped(paragraph, indent string) string {
	const columns = 100
	var b strings.Builder
	line := ""
	for _, word := range strings.Fields(paragraph) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > columns:
			b.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	return b.String() + line + "\n"
}
