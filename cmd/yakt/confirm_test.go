package main

import (
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

// TestScriptsAreNotAsked: a command whose input is no terminal does what it is told.
func TestScriptsAreNotAsked(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, map[string]string{"/v1/delete_topic": `{"fields":{"name":"t"}}`})
	out, _ := yakt(t, exitOK, "topic delete t --server %s", f.URL)
	contains(t, out, "DELETED")
	if asked := f.requests(); len(asked) != 1 {
		t.Errorf("sent %q", asked)
	}
}

// TestEveryChangeHasADryRun: each command that may change something has --dry-run, and those that
// cannot be undone have --yes too.
func TestEveryChangeHasADryRun(t *testing.T) {
	t.Parallel()
	want := map[string]bool{ // whether it is destructive
		"topic create": false, "topic delete": true, "partition create": false,
		"partition add-replica": false, "partition remove-replica": false, "partition reassign": false,
		"partition cancel": false, "partition elect": true, "producer register": false,
		"broker register": false, "broker change": false, "broker unregister": true, "heal": false,
	}
	for path, destructive := range want {
		cmd, _, err := newRoot().Find(strings.Fields(path))
		if err != nil {
			t.Fatal(err)
		}
		if cmd.Flag("dry-run") == nil || (cmd.Flag("yes") != nil) != destructive {
			t.Errorf("yakt %s: --dry-run %v, --yes %v", path, cmd.Flag("dry-run"), cmd.Flag("yes"))
		}
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
