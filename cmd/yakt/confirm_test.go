package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestQuestion: only yes is a confirmation; the end of the input is none.
func TestQuestion(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		"yes\n": true, " YES \n": true, "yes": true, "y\n": false, "no\n": false, "\n": false, "": false,
	} {
		var out strings.Builder
		err := question(strings.NewReader(answer), &out, "Topic t will be deleted.")
		if (err == nil) != want || err != nil && exitCode(err) != exitFailed {
			t.Errorf("%q: %v", answer, err)
		}
		contains(t, out.String(), "Topic t will be deleted.", "Type yes")
	}
}

// TestScriptsAreNotAsked: a command whose input is no terminal asks no question.
func TestScriptsAreNotAsked(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, map[string]string{"/v1/delete_topic": `{"fields":{"name":"t"}}`})
	out, _ := yakt(t, exitOK, "topic delete t --server %s", f.URL)
	contains(t, out, "DELETED")
	if asked := f.requests(); len(asked) != 1 {
		t.Errorf("sent %q", asked)
	}
}

// readOnly are the commands that change nothing at a node, and destructive those whose change
// cannot be undone.
var (
	readOnly = []string{
		"acl list", "broker get", "broker list", "broker status", "configs describe", "context set",
		"feature list",
		"feed", "log dump", "log tail", "loggers list", "partition list", "quorum status", "quota list",
		"snapshot inspect", "snapshot save", "token list", "topic get", "topic list", "user list",
		"what-if",
	}
	destructive = []string{
		"broker unregister", "partition elect", "token expire", "topic delete",
		"user delete-scram",
	}
)

// TestEveryChangeHasADryRun: each command that may change something at a node has --dry-run, and
// those whose change cannot be undone have --yes too.
func TestEveryChangeHasADryRun(t *testing.T) {
	t.Parallel()
	seen := 0
	for commands := newRoot().Commands(); len(commands) > 0; commands = commands[1:] {
		cmd := commands[0]
		commands = append(commands, cmd.Commands()...)
		path := strings.TrimPrefix(cmd.CommandPath(), "yakt ")
		if cmd.HasSubCommands() || cmd.Flag("server") == nil || slices.Contains(readOnly, path) {
			continue
		}
		seen++
		asks := slices.Contains(destructive, path)
		if cmd.Flag("dry-run") == nil || (cmd.Flag("yes") != nil) != asks {
			t.Errorf("yakt %s: --dry-run %v, --yes %v", path, cmd.Flag("dry-run"), cmd.Flag("yes"))
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands that change something were found", seen)
	}
}

// TestCompletion: names come from the node, and without a node there is neither a suggestion nor an
// error.
func TestCompletion(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, map[string]string{
		"/v1/topics":  `{"topics":[{"name":"orders"},{"name":"ordinals"}]}`,
		"/v1/brokers": `{"brokers":[{"brokerId":1001,"brokerStatus":"FENCED","rackId":"a"}]}`,
	})
	for line, want := range map[string]string{
		"topic get --server S ord":              "orders\nordinals\n:4\n",
		"topic get --server S orders ":          ":4\n",
		"broker get --server S ":                "1001\tFENCED a\n:4\n",
		"what-if --server S --kill ":            "1001\tFENCED a\n:4\n",
		"partition list --server S --with off":  "offline\n:4\n",
		"topic get --server 127.0.0.1:1 ord":    ":4\n",
		"partition add-replica --server S t 0 ": "1001\tFENCED a\n:4\n",
	} {
		args := strings.Split(strings.ReplaceAll(line, " S ", " "+f.URL+" "), " ")
		var out, errOut strings.Builder
		run(append([]string{cobra.ShellCompRequestCmd}, args...), &out, &errOut)
		if out.String() != want {
			t.Errorf("%s: %q, want %q", line, out.String(), want)
		}
	}
}

// TestCompletionScripts: each shell gets a script.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out, _ := yakt(t, exitOK, "completion %s", shell)
		contains(t, out, "yakt", cobra.ShellCompRequestCmd)
	}
}
