// Command measure prints measures of the Go code of a directory tree, one row for each package:
// sizes of files and functions, branches, share of comments, amount of tests, and what is missing.
//
// With -before each row is followed by that of an earlier state of the code, and with -markdown the
// table is one for a page:
//
//	go run ./tools/measure [-total] [-markdown] [-before DIRECTORY] [DIRECTORY]
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
	markdown := flag.Bool("markdown", false, "print a table in Markdown")
	before := flag.String("before", "", "a directory with an earlier state to compare with")
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	table, err := tableOf(root, *before, *total)
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
	if *markdown {
		writeMarkdown(os.Stdout, table)
	} else {
		write(os.Stdout, table)
	}
}

// tableOf measures a directory: a row for each package and the sum, or the sum alone. Each row is
// followed by the one with the same name in before, unless that is "".
func tableOf(root, before string, total bool) ([]*pkg, error) {
	rows, err := rowsOf(root, total)
	if err != nil || before == "" {
		return rows, err
	}
	earlier, err := rowsOf(before, total)
	table := make([]*pkg, 0, 2*len(rows))
	for _, p := range rows {
		table = append(table, p)
		for _, e := range earlier {
			if e.name == p.name {
				e.name += ", before"
				table = append(table, e)
				break
			}
		}
	}
	return table, err
}

func rowsOf(root string, total bool) ([]*pkg, error) {
	packages, err := measureTree(root)
	if err != nil {
		return nil, err
	}
	if total {
		return []*pkg{sum(packages)}, nil
	}
	return append(packages, sum(packages)), nil
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

// writeMarkdown prints the table for a page. Rows without code outside tests are left out.
func writeMarkdown(w io.Writer, packages []*pkg) {
	fmt.Fprintf(w, "| %s |\n", strings.ToLower(strings.Join(header, " | ")))
	fmt.Fprintln(w, strings.Repeat("|---", len(header))+"|")
	for _, p := range packages {
		if len(p.files) > 0 {
			fmt.Fprintf(w, "| %s |\n", strings.Join(p.row(), " | "))
		}
	}
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
