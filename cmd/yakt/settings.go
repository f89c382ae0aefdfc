package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/config"
)

// settings are the flags that select a configuration.
type settings struct {
	file      string   // "": the built-in configuration of one node
	overrides []string // key=value, each overriding the file and the environment
}

func (s *settings) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.file, "config", "c", "",
		"configuration file: an Apache controller.properties as it is, YAML or JSON; "+
			"without one, the built-in quorum of one node")
	cmd.Flags().StringArrayVar(&s.overrides, "override", nil,
		"key=value, overrides the file and the environment; may be repeated")
}

// read loads the configuration and the notices about it.
func (s *settings) read() (*config.Config, []config.Notice, error) {
	overrides := make(map[string]string, len(s.overrides))
	for _, o := range s.overrides {
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			err := fmt.Errorf("--override %q is not of the form key=value", o)
			return nil, nil, &exitError{exitUsage, err}
		}
		overrides[key] = value
	}
	return config.Load(s.file, overrides)
}

// load loads the configuration and prints the notices about it to w.
func (s *settings) load(w io.Writer) (*config.Config, error) {
	cfg, notices, err := s.read()
	printNotices(w, notices)
	return cfg, err
}

func printNotices(w io.Writer, notices []config.Notice) {
	for _, n := range notices {
		fmt.Fprintf(w, "yakt: %v\n", n)
	}
}
