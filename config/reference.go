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

// takes is wanted for a table, where plain text needs a word, too.
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

// cell keeps text from ending its table cell.
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
			reasons = append(reasons, fmt.Sprintf("- `%s`: %s\n", key.Name, key.Doc))
			continue
		}
		fmt.Fprintf(b, "`%s`\n", key.Name)
	}
	b.WriteString("\nThese have no effect for another reason:\n\n" + strings.Join(reasons, ""))
	b.WriteString("\nSo have all names that begin with " + "`" + strings.Join(ignoredPrefixes,
		"`, `") + "` (except what `config.providers` needs).\n")
}
