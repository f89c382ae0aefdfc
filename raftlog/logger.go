package raftlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// raftLogger passes raft's own lines to slog, one level lower: raft's information is detail here,
// because the log reports changes of leadership itself. Panic and Fatal panic, which the core turns
// into a stop of the replica.
type raftLogger struct{ log *slog.Logger }

func (l raftLogger) Debug(v ...any)                 {}
func (l raftLogger) Debugf(string, ...any)          {}
func (l raftLogger) Info(v ...any)                  { l.print(slog.LevelDebug, v) }
func (l raftLogger) Infof(format string, v ...any)  { l.printf(slog.LevelDebug, format, v) }
func (l raftLogger) Warning(v ...any)               { l.print(slog.LevelInfo, v) }
func (l raftLogger) Warningf(f string, v ...any)    { l.printf(slog.LevelInfo, f, v) }
func (l raftLogger) Error(v ...any)                 { l.print(slog.LevelError, v) }
func (l raftLogger) Errorf(format string, v ...any) { l.printf(slog.LevelError, format, v) }
func (l raftLogger) Fatal(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(format string, v ...any) { panic(inNodeIDs(format, v)) }
func (l raftLogger) Panic(v ...any)                 { panic(fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any) { panic(inNodeIDs(format, v)) }

func (l raftLogger) print(level slog.Level, v []any) {
	l.log.Log(context.Background(), level, "raft: "+fmt.Sprint(v...))
}

func (l raftLogger) printf(level slog.Level, format string, v []any) {
	if ctx := context.Background(); l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "raft: "+inNodeIDs(format, v))
	}
}

// inNodeIDs formats a line of raft with node ids in place of raft's own (see raftID).
func inNodeIDs(format string, v []any) string {
	translated := make([]any, len(v))
	for i, arg := range v {
		switch arg := arg.(type) {
		case uint64:
			translated[i] = raftNumber(arg)
		case tracker.Config:
			translated[i] = membersOf(arg)
		case string:
			translated[i] = arg
			if strings.Contains(format, "[peers: [%s]") { // raft's first line has it
				translated[i] = peersOf(arg)
			}
		default:
			translated[i] = arg
		}
	}
	return fmt.Sprintf(format, translated...)
}

// membersOf names the voters and learners of a configuration of raft's.
func membersOf(c tracker.Config) string {
	var voters, learners []int32
	for id := range c.Voters.IDs() {
		voters = append(voters, nodeID(id))
	}
	for id := range c.Learners {
		learners = append(learners, nodeID(id))
	}
	slices.Sort(voters)
	slices.Sort(learners)
	return fmt.Sprintf("voters %v, learners %v", voters, learners)
}

// peersOf translates a list of raft's ids, such as 2,3,a.
func peersOf(list string) string {
	var all []string
	for text := range strings.SplitSeq(list, ",") {
		if id, err := strconv.ParseUint(text, 16, 64); err == nil {
			text = strconv.Itoa(int(nodeID(id)))
		}
		all = append(all, text)
	}
	return strings.Join(all, ",")
}

// raftNumber is a number in a line of raft's, which prints the ids of its members by %x and all
// other numbers by other verbs.
type raftNumber uint64

// Format implements fmt.Formatter.
func (n raftNumber) Format(f fmt.State, verb rune) {
	switch {
	case verb != 'x':
		fmt.Fprintf(f, fmt.FormatString(f, verb), uint64(n))
	case uint64(n) == raft.None:
		_, _ = io.WriteString(f, "nobody")
	default:
		fmt.Fprintf(f, "node %d", nodeID(uint64(n)))
	}
}
