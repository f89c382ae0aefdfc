package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A command in prose stands in backticks or in a block of shell commands.
var (
	quoted  = regexp.MustCompile("`((?:bin/|\\./)?yakt(?: [^`]*)?)`")
	whole   = regexp.MustCompile(`^(yakt [a-z ]+)$`) // an argument of config.Config.Command
	inShell = regexp.MustCompile(`(?m)^\s*(?:for .* do )?((?:bin/|\./)?yakt [^#\n&]*)`)
)

// TestAdviceNamesCommandsThatExist finds the commands in every text of the program and its pages
// that advises an operator: each exists, with these flags.
func TestAdviceNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	named := 0
	for source, text := range advice(t) {
		commands := append(quoted.FindAllStringSubmatch(text, -1),
			whole.FindAllStringSubmatch(text, -1)...)
		if strings.HasSuffix(source, ".md") {
			commands = append(commands, inShell.FindAllStringSubmatch(text, -1)...)
		}
		for _, match := range commands {
			named++
			if wrong := commandProblem(match[1]); wrong != "" {
				t.Errorf("%s: %q: %s", source, match[1], wrong)
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d commands were found", named)
	}
}

// commandProblem says why a command line is none of this release's.
func commandProblem(line string) string {
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd, rest, err := root.Find(strings.Fields(line)[1:])
	if err != nil {
		return err.Error()
	}
	if cmd.HasParent() && !cmd.Runnable() ||
		len(rest) > 0 && cmd.HasAvailableSubCommands() && !strings.HasPrefix(rest[0], "-") {
		return "there is no such command"
	}
	cmd.InitDefaultHelpFlag()
	for _, word := range rest {
		if name, _, _ := strings.Cut(word, "="); strings.HasPrefix(name, "-") && !hasFlag(cmd, name) {
			return "it has no flag " + name
		}
	}
	return ""
}

func hasFlag(cmd *cobra.Command, name string) bool {
	if long, ok := strings.CutPrefix(name, "--"); ok {
		return cmd.Flag(long) != nil
	}
	return cmd.Flags().ShorthandLookup(name[1:]) != nil ||
		cmd.PersistentFlags().ShorthandLookup(name[1:]) != nil
}

// harmful is advice that lost data, or that this release cannot follow.
var harmful = regexp.MustCompile(
	`(?i)backup|let (the|this) node (re)?join|join anew|from another node|copying the checkpoint|` +
		`format the directory again|remove (its|the) snapshots|restore the file|empty it`,
)

// TestNoHarmfulAdvice keeps sentences away that were followed once, and lost what was acknowledged.
func TestNoHarmfulAdvice(t *testing.T) {
	t.Parallel()
	const allowed = "do not copy files from another node into it"
	for source, text := range advice(t) {
		text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), allowed, "")
		if found := harmful.FindString(text); found != "" {
			t.Errorf("%s advises %q: %.300s", source, found, text)
		}
	}
}

// advisers are the directories with advice for operators.
var advisers = []string{
	"config", "cmd", "controller", "httpapi", "kafkaproto", "metadata", "raftlog",
}

// advice is every string of the program, and every page, by where it stands.
func advice(t *testing.T) map[string]string {
	t.Helper()
	const root = "../.."
	texts := map[string]string{}
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, root+"/README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(data)
	}
	for _, dir := range advisers {
		err := filepath.WalkDir(filepath.Join(root, dir),
			func(path string, e fs.DirEntry, err error) error {
				if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
					err = stringsOf(path, texts)
				}
				return err
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// stringsOf adds the string constants of a file, with those joined by + as one.
func stringsOf(path string, texts map[string]string) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		if text := joined(e); text != "" {
			texts[files.Position(e.Pos()).String()] = text
			return false
		}
		return true
	})
	return nil
}

// joined is a string constant, or several joined by +; what is not constant in between is left out.
func joined(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return joined(e.X) + joined(e.Y)
		}
	}
	return ""
}
