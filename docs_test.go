package yakt_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goFile is the name of a Go file in a page, with or without its folder.
var goFile = regexp.MustCompile("`([a-z0-9_/]+\\.go)`")

// Files move, and pages that name them must follow.
func TestDocsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	files := goFiles(t)
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages %v, %v", pages, err)
	}
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range goFile.FindAllStringSubmatch(string(text), -1) {
			named := func(file string) bool { return strings.HasSuffix(file, "/"+m[1]) }
			if !slices.ContainsFunc(files, named) {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

// goFiles returns the paths of all Go files below the root, each with a leading slash.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") {
			files = append(files, "/"+filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The table of packages in docs/design.md is the only one. A package that serves tests may do
// without a row of its own.
func TestDesignHasEveryPackage(t *testing.T) {
	t.Parallel()
	design, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range listImports(t) {
		root := name+"/" == module
		serves := root || ofTests(name) || strings.HasSuffix(name, "test")
		if !serves && !strings.Contains(string(design), "| `"+name+"` |") {
			t.Errorf("docs/design.md has no row for the package %s", name)
		}
	}
}
