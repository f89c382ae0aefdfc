// Command vulncheck looks for known vulnerabilities that this module's code calls. It runs
// govulncheck over the module with a database that comes as a Go module, golang.org/x/vulndb,
// through the module proxy: the database's own host need not be reachable.
//
//	go run ./tools/vulncheck
//
// It fails for a vulnerability in a module that go.mod requires, with a line for each. Those of the
// standard library are warnings, since they belong to the Go release on this machine and not to
// this repository. Without a database it says so and succeeds.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	defaultTool     = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
	defaultDatabase = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"
)

func main() {
	tool := flag.String("tool", defaultTool, "govulncheck's package and version")
	database := flag.String("database", defaultDatabase, "the database's module and version; "+
		"golang.org/x/vulndb@latest for the newest")
	flag.Parse()
	os.Exit(run(*tool, *database, os.Stdout))
}

// run checks the module in the working directory and returns the exit code.
func run(tool, database string, out io.Writer) int {
	dir, err := download(database)
	if err != nil {
		reason := strings.Join(strings.Fields(err.Error()), " ") // one line
		fmt.Fprintf(out, "vulnerabilities not checked: database unreachable: %s\n", reason)
		return 0
	}
	cmd := exec.Command("go", "run", tool, "-format", "json",
		"-db", "file://"+filepath.ToSlash(filepath.Join(dir, "data", "osv")), "./...")
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	if err != nil {
		fmt.Fprintf(out, "govulncheck failed: %v\n", err)
		return 1
	}
	called, err := read(bytes.NewReader(data))
	if err != nil {
		fmt.Fprintf(out, "the output of govulncheck cannot be read: %v\n", err)
		return 1
	}
	return report(called, database, out)
}

// download fetches a module and returns the directory it is in.
func download(module string) (dir string, err error) {
	data, err := exec.Command("go", "mod", "download", "-json", module).Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(data, &m); jsonErr != nil {
		return "", errors.Join(err, jsonErr)
	}
	if m.Error != "" {
		return "", errors.New(m.Error)
	}
	return m.Dir, err
}

// report prints a line for each vulnerability and returns the exit code.
func report(called []vulnerability, database string, out io.Writer) int {
	code := 0
	for _, v := range called {
		level := "warning"
		if v.module != stdlib {
			level, code = "FAIL", 1
		}
		fmt.Fprintf(out, "%s: %v\n", level, v)
	}
	fmt.Fprintf(out, "vulnerabilities: %d that the code calls, by %s\n", len(called), database)
	return code
}
