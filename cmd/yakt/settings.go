package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/config"
)

// settings are the flags by which a command finds its configuration.
type settings struct {
	file      string
	overrides []string
}

func (s *settings) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration file (an Apache controller.properties as it is, or YAML); none is the built-in one-node default")
	cmd.Flags().StringArrayVar(&s.overrides, "override", nil, "key=value, over what the file says; may be repeated")
}

// load reads the configuration and prints what is to be said about it to w.
func (s *settings) load(w io.Writer) (*config.Config, error) {
	overrides := make(map[string]string, len(s.overrides))
	for _, o := range s.overrides {
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			return nil, &exitError{exitUsage, fmt.Errorf("--override %q is not of the form key=value", o)}
		}
		overrides[key] = value
	}
	cfg, notices, err := config.Load(s.file, overrides)
	for _, n := range notices {
		fmt.Fprintf(w, "yakt: %v\n", n)
	}
	return cfg, err
}

// newLogger logs to standard error as the configuration says.
func newLogger(cfg *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
