package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// dryRunFlag adds --dry-run to a command that changes something.
func (c *client) dryRunFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false,
		"check the change and show its result, and change nothing")
}

// destructive adds --dry-run and --yes to a command whose change cannot be undone. The command
// calls confirm.
func (c *client) destructive(cmd *cobra.Command) {
	c.dryRunFlag(cmd)
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false,
		"do not ask for confirmation; without a terminal there is no question")
}

// confirm asks at a terminal whether to do something that cannot be undone. Scripts, whose standard
// input is no terminal, are not asked: they could not answer.
func (c *client) confirm(cmd *cobra.Command, what string) error {
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); c.yes || c.dryRun || !ok || !terminal(f) {
		return nil
	}
	return question(in, c.errOut, what)
}

// question returns an error unless the answer is yes.
func question(in io.Reader, out io.Writer, what string) error {
	fmt.Fprintf(out, "%s This cannot be undone. Type yes to do it: ", what)
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if strings.EqualFold(strings.TrimSpace(answer), "yes") {
		return nil
	}
	return &exitError{exitFailed, fmt.Errorf("not confirmed: nothing was done")}
}
