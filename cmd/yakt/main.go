// Command yakt runs a Kafka controller node, formats and inspects its directory, and administers a
// running quorum over HTTP.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes. They are part of the interface: scripts may test for them.
const (
	exitOK      = 0
	exitFailed  = 1 // refused or failed; the message says why
	exitUsage   = 2 // the command line is wrong
	exitStopped = 3 // a running node had to stop: disk failure, damaged log
	// exitUnavailable: no node could be reached, or the quorum has no leader. Nothing was done.
	exitUnavailable = 4
	// exitUnknown: a change was sent and no answer came. It may have been carried out.
	exitUnknown = 5
)

// exitCodes is part of the help. Scripts depend on the numbers: a code keeps its meaning.
const exitCodes = `Exit codes:
  0  done
  1  refused or failed; the message says why
  2  the command line is wrong
  3  a running node had to stop
  4  no node could be reached, or the quorum has no leader; nothing was done
  5  it is not known whether a change was carried out`

// exitError is an error with the exit code that it leads to.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// newRoot returns the root command with all subcommands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "yakt",
		Short: "A Kafka controller quorum in one binary",
		Long: "A Kafka controller quorum in one binary. It runs a node, and talks to running " +
			"nodes over HTTP.\n\n" + exitCodes,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(startCommand(), formatCommand(), storageCommand(), configCommand(),
		versionCommand())
	root.AddCommand(brokerCommand(), topicCommand(), partitionCommand(), producerCommand(),
		quotaCommand(), userCommand(), tokenCommand(), aclCommand(),
		feedCommand(), quorumCommand(), whatIfCommand(), featureCommand(), logCommand(),
		snapshotCommand(), healCommand(), configsCommand(), loggersCommand(),
		contextCommand())
	return root
}

func run(args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	root.SetFlagErrorFunc(
		func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} },
	)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(errOut, "yakt: %v\n", err)
	return exitCode(err)
}

// exitCode maps an error to an exit code. cobra's own errors about the command line have no types,
// so they are recognised by their text.
func exitCode(err error) int {
	var e *exitError
	switch {
	case errors.As(err, &e):
		return e.code
	case strings.HasPrefix(err.Error(), "unknown command"),
		strings.HasPrefix(err.Error(), "required flag"),
		strings.HasPrefix(err.Error(), "if any flags in the group"):
		return exitUsage
	}
	return exitFailed
}

// group returns a command that only holds subcommands; without one it prints its help.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, RunE: func(
		cmd *cobra.Command, args []string,
	) error {
		if len(args) > 0 {
			return &exitError{
				exitUsage, fmt.Errorf("unknown command %q: see yakt %s --help", args[0], cmd.Name()),
			}
		}
		return cmd.Help()
	}}
	cmd.AddCommand(commands...)
	return cmd
}
