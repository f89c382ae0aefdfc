package raftlog

import (
	"context"
	"fmt"
	"log/slog"
)

// raftLogger gives raft's own lines to slog, one level down: what raft calls information is detail here, since the log
// reports leadership changes itself. Panic and Fatal panic: the core turns that into a stop of the replica.
type raftLogger struct{ log *slog.Logger }

func (l raftLogger) Debug(v ...any)                {}
func (l raftLogger) Debugf(string, ...any)         {}
func (l raftLogger) Info(v ...any)                 { l.log.Debug("raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Infof(format string, v ...any) { l.debugf(format, v...) }
func (l raftLogger) Warning(v ...any)              { l.log.Info("raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Warningf(format string, v ...any) {
	l.log.Info("raft: " + fmt.Sprintf(format, v...))
}
func (l raftLogger) Error(v ...any) { l.log.Error("raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Errorf(format string, v ...any) {
	l.log.Error("raft: " + fmt.Sprintf(format, v...))
}
func (l raftLogger) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }
func (l raftLogger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any) { panic(fmt.Sprintf(format, v...)) }

func (l raftLogger) debugf(format string, v ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("raft: " + fmt.Sprintf(format, v...))
	}
}
