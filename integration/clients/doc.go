// Package clients holds tests with the client libraries of several languages. Tests fetch them in
// pinned versions: Python's with pip, JavaScript's with npm, Go's with the go command. Each library
// has a program in testdata, which runs one case and exits.
package clients
