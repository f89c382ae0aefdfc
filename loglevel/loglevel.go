// Package loglevel holds the loggers of the process, by name, and their levels, which can be
// changed while the process runs. It keeps nothing: after a restart the levels are those of the
// configuration again.
package loglevel

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Root is the logger from which all others inherit their level. It always has one.
const Root = "root"

// The levels that slog does not have. Only panics and faults that end the process are fatal.
const (
	LevelTrace = slog.LevelDebug - 4
	LevelFatal = slog.LevelError + 4
)

// levelNames are the levels as Kafka's tools write them.
var levelNames = map[string]slog.Level{
	"TRACE": LevelTrace, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": LevelFatal,
}

// Names are the names of all levels, in the order of the alphabet.
func Names() []string { return slices.Sorted(maps.Keys(levelNames)) }

// known are the loggers of this program and what they log. A logger without a level of its own has
// that of the root.
var known = map[string]string{
	Root:         "everything; the level of all loggers without one of their own",
	"node":       "start and stop of the node, its directory and its resources",
	"controller": "decisions about brokers, topics, partitions and configs",
	"raft":       "elections, replication between controllers, the log, snapshots",
	"network":    "connections and requests of the controller listeners",
	"http":       "requests and connections of the HTTP API",
	"security":   "certificates, keys and tokens of the listeners and of this node",
	"authorizer": "who was denied what; at DEBUG also who was allowed what",
	"audit":      "each change by an administrator or a client: who, from where, what, its result",
}

// About returns what a logger logs; "" if there is none of that name.
func About(name string) string { return known[name] }

// Loggers are the loggers of one process. Safe for concurrent use.
type Loggers struct {
	handler slog.Handler
	initial slog.Level
	// levels are the loggers' own levels. A map is never changed after it is published.
	levels atomic.Pointer[map[string]slog.Level]
}

// New returns the loggers that write to handler, which must let every level pass. initial is the
// level of the root.
func New(handler slog.Handler, initial slog.Level) *Loggers {
	l := &Loggers{handler: handler, initial: initial}
	l.levels.Store(&map[string]slog.Level{Root: initial})
	return l
}

// Logger returns the logger of a name. Its lines have the name as the attribute "logger". Those of
// nil discard.
func (l *Loggers) Logger(name string) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&handler{Handler: l.handler, loggers: l, name: name}).With("logger", name)
}

// Of returns the loggers that logger is one of. A logger of another origin becomes the base of new
// ones, which begin with the lowest level that it has enabled, or with info if it has none. No
// logger is one that discards.
func Of(logger *slog.Logger) *Loggers {
	if logger == nil {
		return New(slog.DiscardHandler, slog.LevelInfo)
	}
	if h, ok := logger.Handler().(*handler); ok {
		return h.loggers
	}
	initial := LevelFatal
	for _, level := range levelNames {
		if level < initial && logger.Enabled(context.Background(), level) {
			initial = level
		}
	}
	if !logger.Enabled(context.Background(), initial) {
		initial = slog.LevelInfo
	}
	return New(logger.Handler(), initial)
}

// Copy returns loggers with the same levels, which a dry run can change.
func (l *Loggers) Copy() *Loggers {
	c := &Loggers{handler: l.handler, initial: l.initial}
	c.levels.Store(l.levels.Load())
	return c
}

// Exists reports whether there is a logger of this name.
func (l *Loggers) Exists(name string) bool { return known[name] != "" }

// Level describes a logger.
type Level struct {
	Name  string
	Level string // TRACE, DEBUG, INFO, WARN, ERROR or FATAL
	Own   bool   // not inherited
	About string // what it logs
}

// All returns every logger with its level, in the order of the names.
func (l *Loggers) All() []Level {
	own := *l.levels.Load()
	all := make([]Level, 0, len(known))
	for _, name := range slices.Sorted(maps.Keys(known)) {
		_, has := own[name]
		all = append(all, Level{name, NameOf(l.level(name)), has, known[name]})
	}
	return all
}

// Get returns one logger; ok is false if there is none of that name.
func (l *Loggers) Get(name string) (level Level, ok bool) {
	if !l.Exists(name) {
		return Level{}, false
	}
	_, own := (*l.levels.Load())[name]
	return Level{name, NameOf(l.level(name)), own, known[name]}, true
}

// NameOf returns the name of a level, rounded down to one that has a name.
func NameOf(level slog.Level) string {
	best := "TRACE"
	for name, at := range levelNames {
		if at <= level && at > levelNames[best] {
			best = name
		}
	}
	return best
}

// Valid reports whether a level has this name, in capitals.
func Valid(level string) bool { _, ok := levelNames[level]; return ok }

// Set gives a logger a level of its own.
func (l *Loggers) Set(name, level string) error {
	at, ok := levelNames[level]
	switch {
	case !l.Exists(name):
		return fmt.Errorf("logger %s does not exist", name)
	case l.isRecord(name) && at > max(l.initial, slog.LevelInfo):
		return fmt.Errorf("the lines of %s cannot be turned off while the node runs: use a level up "+
			"to %s, or change the configuration", name, NameOf(max(l.initial, slog.LevelInfo)))
	case !ok:
		return fmt.Errorf("there is no level %s: use one of %s", level,
			strings.Join(Names(), ", "))
	}
	l.update(func(levels map[string]slog.Level) { levels[name] = at })
	return nil
}

// Unset removes a logger's own level, so that it inherits one. The root gets that of the
// configuration.
func (l *Loggers) Unset(name string) error {
	if !l.Exists(name) {
		return fmt.Errorf("logger %s does not exist", name)
	}
	l.update(func(levels map[string]slog.Level) {
		if delete(levels, name); name == Root {
			levels[name] = l.initial
		}
	})
	return nil
}

func (l *Loggers) update(change func(map[string]slog.Level)) {
	for {
		old := l.levels.Load()
		changed := maps.Clone(*old)
		change(changed)
		if l.levels.CompareAndSwap(old, &changed) {
			return
		}
	}
}

// level is the effective level of a logger.
func (l *Loggers) level(name string) slog.Level {
	levels := *l.levels.Load()
	if level, ok := levels[name]; ok {
		return level
	}
	if l.isRecord(name) {
		return min(levels[Root], l.initial)
	}
	return levels[Root]
}

// isRecord reports whether a logger says who did what. At run time such a logger can get more to
// say than the configuration gives it, and not less: nobody can change something unseen.
func (l *Loggers) isRecord(name string) bool { return name == "audit" || name == "authorizer" }

// handler passes on the lines of one logger that its level lets through.
type handler struct {
	slog.Handler
	loggers *Loggers
	name    string
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.loggers.level(h.name) && h.Handler.Enabled(ctx, level)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.loggers, h.name}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.loggers, h.name}
}
