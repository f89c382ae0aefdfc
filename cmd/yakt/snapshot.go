package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

func snapshotCommand() *cobra.Command {
	return group("snapshot", "List, inspect and download snapshots", snapshotListCommand(),
		snapshotInspectCommand(), snapshotSaveCommand())
}

// snapshotFile is a checkpoint file in a directory.
type snapshotFile struct {
	File      string    `json:"file"`
	EndOffset int64     `json:"endOffset"`
	Epoch     int32     `json:"epoch"`
	Bytes     int64     `json:"bytes"`
	Written   time.Time `json:"written"`
}

// checkpointName matches <endOffset>-<epoch>.checkpoint, in the digits that Kafka writes.
var checkpointName = regexp.MustCompile(`^(\d{20})-(\d{10})\.checkpoint$`)

func snapshotListCommand() *cobra.Command {
	var (
		s      settings
		dir    string
		output string
	)
	cmd := &cobra.Command{
		Use:   "list [--config FILE | --dir DIR]",
		Short: "List the snapshots in a node's directory",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if dir == "" {
				cfg, err := s.load(cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				dir = filepath.Join(cfg.Storage.MetadataLogDir, protocol.MetadataTopic+"-0")
			}
			files, err := snapshotFiles(dir)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), output, files, func() [][]string {
				rows := [][]string{{"END OFFSET", "EPOCH", "BYTES", "WRITTEN", "FILE"}}
				for _, f := range files {
					rows = append(rows,
						row(f.EndOffset, f.Epoch, f.Bytes, f.Written.UTC().Format(time.RFC3339), f.File))
				}
				return rows
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the snapshots, instead of a configuration")
	outputFlag(cmd, &output)
	return cmd
}

func snapshotFiles(dir string) ([]snapshotFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list the snapshots: %w; name the node's configuration by "+
			"--config or the directory by --dir", err)
	}
	files := []snapshotFile{}
	for _, e := range entries {
		m := checkpointName.FindStringSubmatch(e.Name())
		info, err := e.Info()
		if m == nil || err != nil {
			continue
		}
		end, _ := strconv.ParseInt(m[1], 10, 64)
		epoch, _ := strconv.ParseInt(m[2], 10, 32)
		files = append(files,
			snapshotFile{filepath.Join(dir, e.Name()), end, int32(epoch), info.Size(), info.ModTime()})
	}
	return files, nil
}

// snapshotSummary is the content of a snapshot in numbers.
type snapshotSummary struct {
	File                      string         `json:"file"`
	LastContainedLogTimestamp string         `json:"lastContainedLogTimestamp"`
	MetadataVersion           string         `json:"metadataVersion"`
	Control                   map[string]int `json:"controlRecords"`
	Records                   map[string]int `json:"records"`
}

func snapshotInspectCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "inspect FILE", Short: "Check a snapshot and count what is in it", Args: args(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			var s *snapshotSummary
			err := progress(cmd.ErrOrStderr(), "reading "+args[0], func() (err error) {
				s, err = inspect(args[0])
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), output, s, func() [][]string {
				rows := [][]string{
					row("FILE", s.File), row("LAST RECORD OF", s.LastContainedLogTimestamp),
					row("METADATA.VERSION", s.MetadataVersion), {}, {"RECORD", "COUNT"},
				}
				for _, counts := range []map[string]int{s.Control, s.Records} {
					for _, name := range sortedKeys(counts) {
						rows = append(rows, row(name, counts[name]))
					}
				}
				return rows
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func inspect(path string) (*snapshotSummary, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := metadata.ReadCheckpoint(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; take another snapshot", path, err)
	}
	last := time.UnixMilli(c.Header.LastContainedLogTimestamp)
	s := &snapshotSummary{
		File: path, LastContainedLogTimestamp: last.UTC().Format(time.RFC3339Nano),
		Control: map[string]int{}, Records: map[string]int{},
	}
	for _, r := range c.Control {
		s.Control[r.ControlType().String()]++
	}
	e := metadata.Empty().Edit()
	for i, r := range c.Records {
		s.Records[r.Type().String()]++
		if err := e.Replay(int64(i), r); err != nil {
			return nil, fmt.Errorf("%s does not replay: %w; take another snapshot", path, err)
		}
	}
	s.MetadataVersion = e.Image().Version().String()
	return s, nil
}

func snapshotSaveCommand() *cobra.Command {
	c, replace := new(client), false
	cmd := &cobra.Command{
		Use: "save FILE", Short: "Download a node's state as a snapshot; it holds secrets", Args: args(1),
		Long: `Download a node's state as a snapshot in Kafka's format. If FILE is -, it goes to standard
output. A snapshot holds secrets; only its owner may read the file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("timeout") {
				c.timeout = 0 // no limit: the time depends on the size
			}
			return progress(c.errOut, "downloading", func() error {
				return c.saveSnapshot(cmd.Context(), args[0], replace)
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, "replace a file that is there already")
	return cmd
}

// saveSnapshot downloads a snapshot to a file, or to standard output.
func (c *client) saveSnapshot(ctx context.Context, path string, replace bool) error {
	if _, err := os.Lstat(path); err == nil && path != "-" && !replace {
		return fmt.Errorf("%s exists: name another file, or replace this one with --replace", path)
	}
	resp, err := c.send(ctx, request{method: http.MethodGet, path: "/v1/snapshot"})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if path != "-" {
		return save(path, resp.Body)
	}
	if terminal(c.out) {
		err := errors.New("a snapshot is binary: name a file, or redirect standard output")
		return &exitError{exitUsage, err}
	}
	return download(c.out, resp.Body)
}

// save writes a file whole or not at all, readable by its owner only.
func save(path string, r io.Reader) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // after an error there is nothing more to do
	if err := download(f, r); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

func download(w io.Writer, r io.Reader) error {
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("the download broke off: %w; try again", err)
	}
	return nil
}
