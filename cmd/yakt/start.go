package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/cmd/yakt/gcpace"
	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
)

// Limits on the time that stopping a node may take. A process does not wait longer for anything
// that hangs, such as a disk.
const (
	stopTimeout  = 10 * time.Second       // to hand over leadership and send the last replies
	closeTimeout = 10 * time.Second       // to close files afterwards
	failTimeout  = 500 * time.Millisecond // for all of it, after a failure
)

func startCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "start [--config FILE]",
		Short: "Run a controller node",
		Long: `Run a controller node until SIGTERM, SIGINT or SIGHUP. A leader hands over before it stops.

Without a configuration this is a quorum of one node in ./yakt-data, for trying things out; the
directory is formatted at the first start. If a file is given, or if the environment or --override
sets a node id, voters, bootstrap servers or directories, the directory must have been formatted
with "yakt format" or with Kafka's own kafka-storage.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return start(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.flags(cmd)
	return cmd
}

func start(ctx context.Context, s settings, out, errOut io.Writer) error {
	began := time.Now()
	cfg, notices, err := s.read()
	if err != nil {
		printNotices(errOut, notices)
		return err
	}
	logger := newLogger(errOut, cfg)
	logNotices(logger, notices)
	if err := formatEmbedded(cfg, out); err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := signal.NotifyContext(ctx, stopSignals(signal.Ignored)...)
	defer cancel()
	n, err := node.Open(cfg, logger, version)
	if err != nil {
		return err
	}
	n.Start()
	gcpace.Start()
	go debug.FreeOSMemory() // replaying the log took many times the memory of serving
	logger.Info("serving", "cluster", n.ClusterID(), "controllers", strings.Join(n.Endpoints(), ","),
		"http", n.HTTPAddr(), "took", time.Since(began).Round(time.Millisecond))
	if cfg.Embedded {
		fmt.Fprint(out, welcome(n, cfg))
	}
	return wait(ctx, cancel, n)
}

// stopSignals are the signals that stop a node with a hand-over: SIGTERM, SIGINT, and SIGHUP, which
// a closed terminal sends. SIGINT and SIGHUP are left out where the parent has them ignored, as
// nohup does: to listen for them would undo that.
func stopSignals(ignored func(os.Signal) bool) []os.Signal {
	stop := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if !ignored(s) {
			stop = append(stop, s)
		}
	}
	return stop
}

// wait stops the node after a signal or a failure and returns. A second signal ends the process at
// once.
func wait(ctx context.Context, cancel context.CancelFunc, n *node.Node) error {
	select {
	case <-ctx.Done():
	case err := <-n.Failed():
		cancel()
		_ = stop(n.Stop, 0, failTimeout)
		return &exitError{exitStopped, err}
	}
	cancel()
	err := stop(n.Stop, stopTimeout, closeTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // no hand-over in time: the others hold an election
	}
	return err
}

// stop stops a node: courtesy bounds the hand-over, and closing what follows it. A node that takes
// longer is left to the end of the process, which is an error.
func stop(end func(context.Context) error, courtesy, closing time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), courtesy)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- end(ctx) }()
	late := time.NewTimer(courtesy + closing)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return &exitError{
			exitStopped, fmt.Errorf("the node did not close within %v: does a disk hang? "+
				"All that it acknowledged is on its disk", courtesy+closing),
		}
	}
}

// formatEmbedded formats the directory of the built-in configuration at its first start. All other
// directories are formatted by command: a node that formatted itself could found a second cluster
// in place of one that was lost.
func formatEmbedded(cfg *config.Config, out io.Writer) error {
	if !cfg.Embedded {
		return nil
	}
	d, err := node.Inspect(cfg.Storage.MetadataLogDir)
	if err != nil || d.Formattable() != nil {
		return err // node.Open judges a directory that holds something
	}
	_, err = node.FormatStorage(cfg, node.Format{Out: out})
	return err
}
