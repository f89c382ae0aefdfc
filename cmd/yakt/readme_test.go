package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fenced = regexp.MustCompile("(?ms)^```\n(.*?)^```$")

func readRepository(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestREADMECanBePasted runs every command of README in one directory: with this yakt where it
// only handles files, and with stand-ins that print their arguments where a command would start or
// contact a process.
func TestREADMECanBePasted(t *testing.T) {
	t.Parallel()
	home, dir, bin := t.TempDir(), t.TempDir(), t.TempDir()
	fakePrograms(t, filepath.Join(home, "kafka_2.13-4.4.0", "bin"), kafkaPrograms...)
	fakePrograms(t, bin, "make", "curl")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "bin", "yakt"), "#!/bin/sh\n"+
		"case $1 in format|config|storage) exec "+self+" \"$@\";; *) echo yakt \"$@\";; esac\n")
	var out strings.Builder
	blocks := fenced.FindAllStringSubmatch(readRepository(t, "README.md"), -1)
	for _, block := range blocks[1:] { // the first is a picture
		out.WriteString(shell(t, dir, block[1], asYakt+"=1", "HOME="+home,
			"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")))
	}
	const cluster = "MkU3OEVBNTcwNTJENDM2Qg"
	for id := 1; id <= 3; id++ {
		contains(t, out.String(),
			fmt.Sprintf("Formatted ./node%d-data: cluster id %s, node id %d", id, cluster, id),
			fmt.Sprintf("yakt start --config node%d.properties", id))
	}
	contains(t, out.String(), "configuration of node 1 from node1.properties is valid",
		"kafka-storage.sh format --cluster-id "+cluster+" --config broker.properties\n",
		"kafka-server-start.sh broker.properties\n", "kafka-features.sh ", "curl -s ")
	requireIgnored(t, dir)
}

// requireIgnored: what the examples write into a checkout is not for git.
func requireIgnored(t *testing.T, dir string) {
	t.Helper()
	patterns := strings.Fields(readRepository(t, ".gitignore"))
	written, err := os.ReadDir(dir)
	if err != nil || len(written) < 8 {
		t.Fatalf("%d files, %v", len(written), err)
	}
	for _, f := range written {
		ignored := false
		for _, p := range patterns {
			match, _ := path.Match(strings.Trim(p, "/"), f.Name())
			ignored = ignored || match && strings.HasPrefix(p, "/")
		}
		if !ignored {
			t.Errorf("git would take %s", f.Name())
		}
	}
}

// TestExitCodesAreDocumented: every code is in README and in the help.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	readme, help := readRepository(t, "README.md"), newRoot().Long
	for code := exitOK; code <= exitUnknown; code++ {
		contains(t, readme, fmt.Sprintf("| %d | ", code))
		contains(t, help, fmt.Sprintf("%d ", code))
	}
}

// TestMakeHelp: every target that is not a file is in the list, with a word about it.
func TestMakeHelp(t *testing.T) {
	t.Parallel()
	out := shell(t, filepath.Join("..", ".."), "make --no-print-directory help")
	makefile := readRepository(t, "Makefile")
	var targets []string
	for _, line := range regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindAllStringSubmatch(makefile,
		-1) {
		targets = append(targets, strings.Fields(line[1])...)
	}
	if len(targets) < 15 {
		t.Errorf("only %v were found", targets)
	}
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^` + target + ` +\S`).MatchString(out) {
			t.Errorf("%s is not in:\n%s", target, out)
		}
	}
}
