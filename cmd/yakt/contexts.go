package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// contextsMax bounds the file of contexts.
const contextsMax = 1 << 20

// savedContext is how to reach a cluster. It has no secrets, only the files that hold them.
type savedContext struct {
	Servers      []string `yaml:"servers"`
	TLS          tlsFiles `yaml:"tls,omitempty"`
	User         string   `yaml:"user,omitempty"`
	PasswordFile string   `yaml:"passwordFile,omitempty"`
	TokenFile    string   `yaml:"tokenFile,omitempty"`
}

// contextFile is the file of contexts.
type contextFile struct {
	Current  string                  `yaml:"current,omitempty"`
	Contexts map[string]savedContext `yaml:"contexts,omitempty"`
}

// contextsPath is where the file is: YAKT_CONFIG, or yakt/contexts.yaml in the user's
// configuration.
func contextsPath() (string, error) {
	if path := os.Getenv("YAKT_CONFIG"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where contexts are kept is not known (%w): set YAKT_CONFIG", err)
	}
	return filepath.Join(dir, "yakt", "contexts.yaml"), nil
}

// readContexts reads the file; without one there are no contexts. A file that others may write
// could send passwords to their servers, so it must be the user's alone.
func readContexts() (f contextFile, path string, err error) {
	if path, err = contextsPath(); err != nil {
		return f, path, err
	}
	data, err := readPrivate(path, contextsMax)
	if errors.Is(err, fs.ErrNotExist) {
		return f, path, nil
	}
	if err != nil {
		return f, path, fmt.Errorf("contexts: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && len(bytes.TrimSpace(data)) > 0 {
		return f, path, fmt.Errorf("contexts: %s cannot be read: %w; correct it, or remove it and use "+
			"`yakt context set`", path, err)
	}
	return f, path, nil
}

// readContext returns a context by its name; "" is the current one, if there is one.
func readContext(name string) (savedContext, error) {
	f, path, err := readContexts()
	if err != nil {
		return savedContext{}, err
	}
	if name == "" {
		name = f.Current
	}
	c, ok := f.Contexts[name]
	if !ok && name != "" {
		return c, &exitError{exitUsage, fmt.Errorf("%s has no context %q: see `yakt context list`",
			path, name)}
	}
	return c, nil
}

// write replaces the file.
func (f contextFile) write(path string) error {
	data, err := yaml.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return renameio.WriteFile(path, data, 0o600, renameio.IgnoreUmask())
}

func contextCommand() *cobra.Command {
	return group("context", "List, choose, set and delete contexts: how to reach which cluster",
		contextListCommand(), contextUseCommand(), contextSetCommand(), contextDeleteCommand())
}

// shownContext is a context in a list.
type shownContext struct {
	Name    string   `json:"name"`
	Current bool     `json:"current"`
	Servers []string `json:"servers"`
	// Identity is who a command is there, in words.
	Identity string `json:"identity"`
}

func (c savedContext) identity() string {
	var all []string
	if c.User != "" {
		all = append(all, "user "+c.User)
	}
	if c.TokenFile != "" {
		all = append(all, "token in "+c.TokenFile)
	}
	if c.TLS.Cert != "" {
		all = append(all, "certificate in "+c.TLS.Cert)
	}
	return strings.Join(all, ", ")
}

func contextListCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the contexts", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			f, _, err := readContexts()
			if err != nil {
				return err
			}
			list := []shownContext{}
			for _, name := range slices.Sorted(maps.Keys(f.Contexts)) {
				c := f.Contexts[name]
				list = append(list, shownContext{name, name == f.Current, c.Servers, c.identity()})
			}
			return show(cmd.OutOrStdout(), output, list, func() [][]string {
				rows := [][]string{{"CURRENT", "NAME", "SERVERS", "IDENTITY"}}
				for _, c := range list {
					mark := ""
					if c.Current {
						mark = "*"
					}
					rows = append(rows, row(mark, c.Name, strings.Join(c.Servers, ","), c.Identity))
				}
				return rows
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// changeContexts reads the file, changes it, and writes it.
func changeContexts(change func(*contextFile) error) error {
	f, path, err := readContexts()
	if err != nil {
		return err
	}
	if f.Contexts == nil {
		f.Contexts = map[string]savedContext{}
	}
	if err := change(&f); err != nil {
		return err
	}
	return f.write(path)
}

func noContext(name string) error {
	return &exitError{exitUsage, fmt.Errorf("there is no context %q: see `yakt context list`", name)}
}

func contextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Make a context the one that commands use", Args: args(1),
		ValidArgsFunction: completeContextArg,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(f *contextFile) error {
				if _, ok := f.Contexts[args[0]]; !ok {
					return noContext(args[0])
				}
				f.Current = args[0]
				return nil
			})
		},
	}
}

func contextSetCommand() *cobra.Command {
	a := new(access)
	cmd := &cobra.Command{
		Use: "set NAME --server URL[,URL] [--tls-ca FILE] [--user USER] ...", Args: args(1),
		Short: "Save how to reach a cluster, instead of what the context had",
		Long: "Save how to reach a cluster, instead of what the context had. The first context is\n" +
			"also used from now on. Passwords and tokens are not saved, only the files that hold them;\n" +
			"those, and the file of contexts, must be for you alone (chmod 600).",
		ValidArgsFunction: completeContextArg,
	}
	a.flags(cmd)
	_ = cmd.MarkPersistentFlagRequired("server") // an error means that there is no such flag
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		c, err := a.saved()
		if err != nil {
			return err
		}
		return changeContexts(func(f *contextFile) error {
			if len(f.Contexts) == 0 {
				f.Current = args[0]
			}
			f.Contexts[args[0]] = c
			return nil
		})
	}
	return cmd
}

// saved returns the settings as a context, with paths that are valid in every directory.
func (a *access) saved() (c savedContext, err error) {
	for server := range strings.SplitSeq(a.servers, ",") {
		if _, err := a.serverURL(server); err != nil {
			return c, err
		}
		c.Servers = append(c.Servers, strings.TrimSpace(server))
	}
	c.User, c.TLS.ServerName = a.user, a.tls.ServerName
	for from, to := range map[*string]*string{
		&a.tls.CA: &c.TLS.CA, &a.tls.Cert: &c.TLS.Cert, &a.tls.Key: &c.TLS.Key,
		&a.passwordFile: &c.PasswordFile, &a.tokenFile: &c.TokenFile,
	} {
		if *to, err = absolute(*from); err != nil {
			return c, err
		}
	}
	return c, nil
}

func contextDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a context", Args: args(1),
		ValidArgsFunction: completeContextArg,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(f *contextFile) error {
				if _, ok := f.Contexts[args[0]]; !ok {
					return noContext(args[0])
				}
				delete(f.Contexts, args[0])
				if f.Current == args[0] {
					f.Current = ""
				}
				return nil
			})
		},
	}
}

// completeContextArg suggests names of contexts as the first argument.
func completeContextArg(
	cmd *cobra.Command, args []string, prefix string,
) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeContexts(cmd, args, prefix)
}

// completeContexts suggests names of contexts.
func completeContexts(
	_ *cobra.Command, _ []string, prefix string,
) ([]string, cobra.ShellCompDirective) {
	f, _, err := readContexts()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.Contexts)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
