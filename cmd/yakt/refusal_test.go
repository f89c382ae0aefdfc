package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/yakt/yakt/httpapi"
)

// TestErrorsNameCommands: what a node advises in terms of its HTTP operations is said with
// commands, all of which exist.
func TestErrorsNameCommands(t *testing.T) {
	t.Parallel()
	got := inCommands(
		`There is no topic named "create_topic". Check the name with get_topic_by_name, ` +
			"or create it with create_topic; min_isr stays.",
	)
	want := "There is no topic named \"create_topic\". Check the name with `yakt topic get`, " +
		"or create it with `yakt topic create`; min_isr stays."
	if got != want {
		t.Error(got)
	}
	for operation, command := range commandFor {
		if wrong := commandProblem("yakt " + command); wrong != "" {
			t.Errorf("%s: yakt %s: %s", operation, command, wrong)
		}
	}
	operations := regexp.MustCompile(`/v1/([a-z]+_[a-z_]+)`)
	for _, match := range operations.FindAllStringSubmatch(readRepository(t, "docs/http.md"), -1) {
		if commandFor[match[1]] == "" {
			t.Errorf("no command is named for %s", match[1])
		}
	}
}

// TestErrorsNameFlags: fields of requests are named as the flags that they came from, which exist.
func TestErrorsNameFlags(t *testing.T) {
	t.Parallel()
	got := inFlags([]httpapi.FieldProblem{
		{Location: "body.numPartitions", Message: "expected number >= 1"},
		{Location: "body.assignments[0][1]", Message: "is bad"},
		{Location: "query.strange", Message: "is strange"},
		{Location: "body", Message: "nothing is to change: give brokerStatus, rackId or otherThing"},
	})
	want := "Correct the command line: --partitions: expected number >= 1; --assignment: is bad; " +
		"query.strange: is strange; nothing is to change: give --status, --rack or otherThing."
	if got != want {
		t.Error(got)
	}
	var lines strings.Builder
	for _, group := range newRoot().Commands() {
		lines.WriteString(group.Flags().FlagUsages())
		for _, cmd := range group.Commands() {
			lines.WriteString(cmd.Flags().FlagUsages())
		}
	}
	for field, flag := range flagFor {
		if strings.HasPrefix(flag, "--") && !strings.Contains(lines.String(), flag+" ") {
			t.Errorf("%s: no command has %s", field, flag)
		}
	}
}
