package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func userCommand() *cobra.Command {
	c := new(client)
	cmd := group("user", "List users with SCRAM credentials, set and delete credentials")
	c.flags(cmd)
	cmd.AddCommand(userListCommand(c), userSetCommand(c), userDeleteCommand(c))
	return cmd
}

func (c *client) showUsers(answer any, users ...httpapi.UserAnswer) error {
	return show(c.out, c.output, answer, func() [][]string {
		rows := [][]string{{"USER", "MECHANISM", "ITERATIONS"}}
		for _, u := range users {
			for _, s := range u.Credentials {
				rows = append(rows, row(u.User, s.Mechanism, s.Iterations))
			}
		}
		return rows
	})
}

func userListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users with SCRAM credentials", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []httpapi.UserAnswer{}
			if err := c.ask(cmd.Context(), "listing users", "/v1/list_users", nil,
				&list); err != nil {
				return err
			}
			return c.showUsers(list, list...)
		},
	}
}

func mechanismFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("mechanism", "SCRAM-SHA-512", "SCRAM-SHA-256 or SCRAM-SHA-512")
}

func userSetCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "set-scram USER [--mechanism M]", Short: "Create or replace a SCRAM credential",
		Long: "Create or replace a SCRAM credential. The password is the first line of the\n" +
			"standard input, or asked for at a terminal. It is salted here: it never reaches the node\n" +
			"or its log.",
		Args: args(1),
	}
	mechanism := mechanismFlag(cmd)
	c.dryRunFlag(cmd)
	iterations := cmd.Flags().Int32("iterations", 8192, "iterations of the hash, 4096 to 16384")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.prepare(); err != nil { // may ask for the password of who runs this
			return err
		}
		password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		salt := httpapi.NewSalt()
		salted, err := httpapi.SaltPassword(*mechanism, password, salt, int(*iterations))
		if err != nil {
			return &exitError{exitUsage, err}
		}
		return c.alterUser(cmd, "/v1/set_user_credential", map[string]any{
			"user": args[0], "mechanism": *mechanism, "iterations": *iterations, "salt": salt,
			"saltedPassword": salted,
		})
	}
	return cmd
}

func userDeleteCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete-scram USER [--mechanism M]", Short: "Delete a SCRAM credential", Args: args(1),
	}
	mechanism := mechanismFlag(cmd)
	c.destructive(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		lost := "User " + args[0] + " will no longer be able to log in with this credential."
		if err := c.confirm(cmd, lost); err != nil {
			return err
		}
		return c.alterUser(cmd, "/v1/delete_user_credential",
			map[string]any{"user": args[0], "mechanism": *mechanism})
	}
	return cmd
}

func (c *client) alterUser(cmd *cobra.Command, path string, body map[string]any) error {
	var u httpapi.UserAnswer
	what := fmt.Sprintf("changing user %s", body["user"])
	if err := c.change(cmd.Context(), what, path, body, &u); err != nil {
		return err
	}
	return c.showUsers(u, u)
}

// passwordMax is the longest password in bytes.
const passwordMax = 1024

// readPassword reads a line. At a terminal it asks for it, and does not show it.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && terminal(f) {
		show, err := hideInput(f)
		if err != nil {
			return "", fmt.Errorf("this terminal would show the password (%w): "+
				"write it to the standard input", err)
		}
		defer fmt.Fprintln(prompt)
		defer show()
		defer onInterrupt(show)()
		fmt.Fprint(prompt, "Password: ") // not before: what is typed ahead would be shown
	}
	line, err := bufio.NewReader(io.LimitReader(in, passwordMax+2)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	password := strings.TrimRight(line, "\r\n")
	switch {
	case password == "":
		return "", &exitError{exitUsage, fmt.Errorf(
			"the standard input has no password in its first line")}
	case len(password) > passwordMax:
		return "", &exitError{exitUsage, fmt.Errorf("the password has more than %d bytes",
			passwordMax)}
	}
	return password, nil
}

// onInterrupt calls restore if a signal ends this process before stop is called.
func onInterrupt(restore func()) (stop func()) {
	received, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(received, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-received:
			restore()
			signal.Stop(received)
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		case <-done:
		}
	}()
	return func() {
		signal.Stop(received)
		close(done)
	}
}

// hideInput turns the echo of a terminal off; show turns it on again.
func hideInput(terminal *os.File) (show func(), err error) {
	stty := func(argument string) error {
		cmd := exec.Command("stty", argument)
		cmd.Stdin = terminal
		return cmd.Run()
	}
	return func() { _ = stty("echo") }, stty("-echo")
}
