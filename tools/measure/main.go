// Command measure prints measures of the Go code of a directory tree, one row for each package:
// sizes of files and functions, branches, share of comments, amount of tests, and what is missing.
//
//	go run ./tools/measure [-total] [DIRECTORY]
//
// docs/design.md says what the project aims at.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

const legend = `
file, func   lines: median/p90/max, and median/p90/p99/max; code only
cyclomatic   branches and boolean operators of a function, and one: p90/max
comments     share of lines that hold nothing but a comment; blank lines do not count
test:code    lines of code in test files over those in code files
panics       calls of panic in 1000 lines of code
over 100     lines of more than 100 characters, tests included; a tab is one character
no doc       exported names without a doc comment, out of all of them
Generated files and testdata are left out.
`

func main() {
	total := flag.Bool("total", false, "print the sum of all packages alone")
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	packages, err := measureTree(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
	table := []*pkg{sum(packages)}
	if !*total {
		table = append(packages, table...)
	}
	write(os.Stdout, table)
}

var header = []string{
	"PACKAGE", "FILES", "FILE", "FUNCS", "FUNC", "CYCLOMATIC", "COMMENTS", "TEST:CODE", "PANICS",
	"OVER 100", "NO DOC",
}

// write prints the table and what its columns mean.
func write(w io.Writer, packages []*pkg) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(header, "\t"))
	for _, p := range packages {
		fmt.Fprintln(t, strings.Join(p.row(), "\t"))
	}
	t.Flush()
	fmt.Fprint(w, legend)
}

// row is the package's line of the table.
func (p *pkg) row() []string {
	return []string{
		p.name,
		fmt.Sprint(len(p.files)),
		quantiles(p.files, 50, 90, 100),
		fmt.Sprint(len(p.funcs)),
		quantiles(p.funcs, 50, 90, 99, 100),
		quantiles(p.cyclomatic, 90, 100),
		fmt.Sprintf("%.0f %%", 100*ratio(p.comments, p.comments+p.code)),
		fmt.Sprintf("%.2f", ratio(p.testCode, p.code)),
		fmt.Sprintf("%.1f", 1000*ratio(p.panics, p.code)),
		fmt.Sprint(p.long),
		fmt.Sprintf("%d/%d", p.undocumented, p.exported),
	}
}
