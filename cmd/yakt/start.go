package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		Long: `Run a controller node until SIGTERM or SIGINT.

Without --config it is a quorum of one node in ./yakt-data, formatted at the first start: for trying things out. With
one, or with a node id, voters, bootstrap servers or directories from the environment or --override, the directory must
have been formatted by "yakt format" or by Kafka's own kafka-storage.`,
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
	cfg, err := s.load(errOut)
	if err != nil {
		return err
	}
	if err := formatEmbedded(cfg, out); err != nil {
		return err
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	logger := newLogger(cfg)
	n, err := node.Open(cfg, logger)
	if err != nil {
		return err
	}
	n.Start()
	gcpace.Start()
	go debug.FreeOSMemory() // reading the log took many times what running does
	logger.Info("serving", "node", cfg.NodeID, "cluster", n.ClusterID(), "controllers", strings.Join(n.Endpoints(), ","), "took", time.Since(began).Round(time.Millisecond))
	if cfg.Embedded {
		fmt.Fprint(out, nextSteps(n, cfg))
	}
	return wait(ctx, cancel, n)
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
		return &exitError{exitStopped, fmt.Errorf("the node could not be closed within %v: does a disk hang? "+
			"What it has acknowledged is on its disk", courtesy+closing)}
	}
}

// formatEmbedded formats the directory of the built-in configuration at its first start. Any other is formatted by command:
// a node that formats itself could found a second cluster in place of a lost one.
func formatEmbedded(cfg *config.Config, out io.Writer) error {
	if !cfg.Embedded {
		return nil
	}
	d, err := node.Inspect(cfg.MetadataLogDir)
	if err != nil || d.Formattable() != nil {
		return err // what is there is for the start to judge
	}
	_, err = node.FormatStorage(cfg, node.Format{Out: out})
	return err
}

// nextSteps are lines to paste that put a real broker on this node.
func nextSteps(n *node.Node, cfg *config.Config) string {
	return fmt.Sprintf(`
YAKt serves Kafka controllers' requests on %[1]s (cluster id %[2]s). Ctrl-C stops it.

To try a real broker against it, with Apache Kafka 4.x unpacked in the current directory:

  cat > broker.properties <<'END'
  process.roles=broker
  node.id=1001
  controller.quorum.bootstrap.servers=%[1]s
  controller.listener.names=%[3]s
  listeners=PLAINTEXT://127.0.0.1:9092
  listener.security.protocol.map=%[3]s:PLAINTEXT,PLAINTEXT:PLAINTEXT
  log.dirs=/tmp/yakt-broker
  offsets.topic.replication.factor=1
  transaction.state.log.replication.factor=1
  transaction.state.log.min.isr=1
  END
  bin/kafka-storage.sh format --cluster-id %[2]s --config broker.properties
  bin/kafka-server-start.sh broker.properties

then, elsewhere:

  bin/kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic hello
  bin/kafka-metadata-quorum.sh --bootstrap-controller %[1]s describe --status

`, n.Endpoints()[0], n.ClusterID(), cfg.ControllerListenerNames[0])
}
