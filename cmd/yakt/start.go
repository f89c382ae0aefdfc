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

// How long the end of a node may take. What hangs beyond that, such as a disk, does not keep
// the process.
const (
	stopTimeout  = 10 * time.Second       // to hand leadership over and let replies go out
	closeTimeout = 10 * time.Second       // to close what is on disk, behind that
	failTimeout  = 500 * time.Millisecond // for all of it, when the node has failed
)

func startCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "start [--config FILE]",
		Short: "Run a controller node",
		Long: `Run a controller node until SIGTERM, SIGINT or SIGHUP. A leader hands over before it stops.

Without a configuration this is a quorum of one node in ./yakt-data, which is formatted at the first
start: for trying things out. As soon as a file, the environment or --override names a node id, voters,
bootstrap servers or directories, the directory must have been formatted with "yakt format" or with
Kafka's own kafka-storage.`,
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
	go debug.FreeOSMemory() // reading the log took many times what running does
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

// wait runs the node until it is told to stop, or must. A second signal ends the process at once.
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
		return nil // handed over to nobody in time; the others elect without help
	}
	return err
}

// stop ends a node: it may be courteous for that long, and then has that long to close. A node
// that takes longer is left to the end of the process, which is an error.
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
			exitStopped, fmt.Errorf("the node could not be closed within %v: does a disk hang? "+
				"What it has acknowledged is on its disk", courtesy+closing),
		}
	}
}

// formatEmbedded formats the directory of the built-in configuration at its first start. Any other
// is formatted by command: a node that formats itself could found a second cluster in place of a
// lost one.
func formatEmbedded(cfg *config.Config, out io.Writer) error {
	if !cfg.Embedded {
		return nil
	}
	d, err := node.Inspect(cfg.Storage.MetadataLogDir)
	if err != nil || d.Formattable() != nil {
		return err // what is there is for the start to judge
	}
	_, err = node.FormatStorage(cfg, node.Format{Out: out})
	return err
}
