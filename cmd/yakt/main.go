// Command yakt runs a Kafka controller, formats its directory and shows its configuration.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes. They are part of the interface: scripts may test for them.
const (
	exitOK      = 0
	exitFailed  = 1 // the command could not do what it was told; the message says why
	exitUsage   = 2 // the command line itself is wrong
	exitStopped = 3 // a running node had to stop: disk failure, damaged log
)

// exitError carries the code to exit with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := &cobra.Command{
		Use:           "yakt",
		Short:         "A Kafka controller quorum in one binary",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(startCommand(), formatCommand(), configCommand(), versionCommand())
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(os.Stderr, "yakt: %v\n", err)
	code := exitFailed
	if e, ok := err.(*exitError); ok { //nolint:errorlint // only what a command returned itself
		code = e.code
	}
	return code
}
