package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var bashBlocks = regexp.MustCompile("(?ms)^```bash\n(.*?)^```$")

// TestHTTPDocsCanBePasted runs the commands of docs/http.md's part about the command line as they
// are, against a node with three brokers and the topic orders.
func TestHTTPDocsCanBePasted(t *testing.T) {
	t.Parallel()
	server, dir, bin := startNode(t), t.TempDir(), t.TempDir()
	alive(t, server, 1)
	alive(t, server, 2)
	alive(t, server, 3)
	yakt(t, exitOK, "topic create orders --assignment 1,2:2,1 --server %s", server)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(bin, "yakt"), "#!/bin/sh\nexec "+self+" \"$@\"\n")
	blocks := bashBlocks.FindAllStringSubmatch(readRepository(t, "docs/http.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("docs/http.md shows no commands")
	}
	out := ""
	for _, block := range blocks {
		out += shell(t, dir, block[1], asYakt+"=1", "YAKT_SERVER="+server,
			"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	contains(t, out, "offline, under min ISR", "NEW LEADER", "leader.replication.throttled.rate",
		"nothing was changed", "INCARNATION",
		"DYNAMIC_TOPIC_CONFIG", "DEBUG", "producer_byte_rate=1048576", "SCRAM-SHA-512")
	script, err := os.ReadFile(filepath.Join(dir, "yakt.bash"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(script), "bash completion")
}
