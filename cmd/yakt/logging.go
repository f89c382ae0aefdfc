package main

import (
	"io"
	"log/slog"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/loglevel"
)

// newLogger logs to w as the configuration says, with levels that can be changed (loglevel). Every
// line names the node that writes it, since the logs of several nodes are read together; lines
// about another node call it peer.
func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: loglevel.LevelTrace}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if cfg.Log.Format == "json" {
		options.ReplaceAttr = durationWithUnit
		handler = slog.NewJSONHandler(w, options)
	}
	node := []slog.Attr{slog.Int("node", int(cfg.NodeID))}
	return loglevel.New(handler.WithAttrs(node), level).Logger("node")
}

// durationWithUnit writes a duration as the text format does, such as 23ms: slog's JSON handler
// writes bare nanoseconds.
func durationWithUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// logNotices logs the notices about a valid configuration.
func logNotices(logger *slog.Logger, notices []config.Notice) {
	for _, n := range notices {
		if n.Kind == config.KeysIgnored {
			logger.Info(n.Text)
		} else {
			logger.Warn(n.Text)
		}
	}
}
