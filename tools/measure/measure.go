package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// columnsMax is how wide a line may be.
const columnsMax = 100

// pkg has the measures of one directory. All but testCode and long are of its code files alone.
type pkg struct {
	name       string
	files      []int // lines of each
	funcs      []int // lines of each, from func to the closing brace
	cyclomatic []int // one for each function
	code       int   // lines with code
	comments   int   // lines with a comment and no code
	testCode   int   // lines with code in test files
	panics     int
	long       int // lines over columnsMax

	exported, undocumented int
}

// measureTree measures every package below a directory, in the order of their paths.
func measureTree(root string) ([]*pkg, error) {
	byName := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && leftOut(e.Name()):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		name, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if byName[name] == nil {
			byName[name] = &pkg{name: name}
		}
		return byName[name].add(path, source)
	})
	packages := make([]*pkg, 0, len(byName))
	for _, p := range byName {
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b *pkg) int { return strings.Compare(a.name, b.name) })
	return packages, err
}

// leftOut reports whether the go command ignores a directory of that name, or the code in it is
// somebody else's.
func leftOut(dir string) bool {
	return dir == "testdata" || dir == "vendor" || strings.HasPrefix(dir, ".") ||
		strings.HasPrefix(dir, "_")
}

// add counts one file.
func (p *pkg) add(path string, source []byte) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source,
		parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(file) {
		return nil
	}
	p.long += longLines(string(source))
	code, comments := classify(source)
	if strings.HasSuffix(path, "_test.go") {
		p.testCode += code
		return nil
	}
	p.files = append(p.files, strings.Count(string(source), "\n"))
	p.code += code
	p.comments += comments
	for _, decl := range file.Decls {
		p.addDecl(files, decl)
	}
	return nil
}

func longLines(source string) (n int) {
	for line := range strings.Lines(source) {
		if utf8.RuneCountInString(strings.TrimRight(line, "\r\n")) > columnsMax {
			n++
		}
	}
	return n
}

// classify counts the lines that hold code, and those that hold a comment and no code. The rest is
// blank.
func classify(source []byte) (code, comments int) {
	file := token.NewFileSet().AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	isCode, isComment := map[int]bool{}, map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			for line := range isCode {
				delete(isComment, line)
			}
			return len(isCode), len(isComment)
		case tok == token.SEMICOLON && text == "\n":
			continue // written by nobody: the scanner's own, at the end of a line
		}
		kind := isCode
		if tok == token.COMMENT {
			kind = isComment
		}
		for line := range strings.Count(text, "\n") + 1 {
			kind[file.Line(pos)+line] = true
		}
	}
}

func (p *pkg) addDecl(files *token.FileSet, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		p.funcs = append(p.funcs, files.Position(d.End()).Line-files.Position(d.Pos()).Line+1)
		p.cyclomatic = append(p.cyclomatic, cyclomatic(d))
		if receiverExported(d) {
			p.addName(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			p.addSpec(spec, d.Doc)
		}
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "panic" {
				p.panics++
			}
		}
		return true
	})
}

// addSpec counts the exported names of a declaration. The comment of a group is for all its names.
func (p *pkg) addSpec(spec ast.Spec, group *ast.CommentGroup) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		p.addName(s.Name, group, s.Doc, s.Comment)
	case *ast.ValueSpec:
		for _, name := range s.Names {
			p.addName(name, group, s.Doc, s.Comment)
		}
	}
}

func (p *pkg) addName(name *ast.Ident, docs ...*ast.CommentGroup) {
	if !name.IsExported() {
		return
	}
	p.exported++
	if !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil }) {
		p.undocumented++
	}
}

// receiverExported reports whether other packages can see a function if its name is exported: it is
// no method of an unexported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		name, ok := n.(*ast.Ident)
		exported = exported || ok && name.IsExported()
		return !ok
	})
	return exported
}

// cyclomatic counts the ways through a function: its branches and boolean operators, and one. A
// function literal belongs to the function that it stands in.
func cyclomatic(d *ast.FuncDecl) int {
	n := 1
	ast.Inspect(d, func(node ast.Node) bool {
		switch s := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if s.List != nil { // the default is no branch of its own
				n++
			}
		case *ast.CommClause:
			if s.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if s.Op == token.LAND || s.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// sum has the measures of all packages together.
func sum(packages []*pkg) *pkg {
	all := &pkg{name: "all"}
	for _, p := range packages {
		all.files = append(all.files, p.files...)
		all.funcs = append(all.funcs, p.funcs...)
		all.cyclomatic = append(all.cyclomatic, p.cyclomatic...)
		all.code += p.code
		all.comments += p.comments
		all.testCode += p.testCode
		all.panics += p.panics
		all.long += p.long
		all.exported += p.exported
		all.undocumented += p.undocumented
	}
	return all
}

// quantiles shows percentiles of some numbers, such as 9/23/53; - when there are none.
func quantiles(values []int, percents ...int) string {
	if len(values) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(values))
	cells := make([]string, len(percents))
	for i, percent := range percents {
		cells[i] = fmt.Sprint(sorted[(len(sorted)-1)*percent/100])
	}
	return strings.Join(cells, "/")
}

// ratio is a/b; 0 over nothing.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
