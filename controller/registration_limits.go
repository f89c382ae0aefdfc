package controller

import (
	"cmp"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/limits"
)

// RegistrationLimits bound what one broker or controller registers, and a broker reports. Every node keeps it in memory, and every
// client is told of listeners. Zero is the default of the configuration key.
type RegistrationLimits struct {
	Listeners   int // yakt.max.listeners
	Features    int // yakt.max.features
	Directories int // yakt.max.log.dirs
}

// registrationLimits are RegistrationLimits at work.
type registrationLimits struct{ listeners, features, directories countLimit }

func newRegistrationLimits(l RegistrationLimits, logger *slog.Logger) registrationLimits {
	return registrationLimits{
		listeners:   newCountLimit("listeners", "yakt.max.listeners", cmp.Or(l.Listeners, 64), logger),
		features:    newCountLimit("features", "yakt.max.features", cmp.Or(l.Features, 64), logger),
		directories: newCountLimit("log directories", "yakt.max.log.dirs", cmp.Or(l.Directories, 512), logger),
	}
}

// check refuses a registration that has more than it may, before anything is made of it.
func (l *registrationLimits) check(node int32, listeners, features, directories int) *apiError {
	for _, err := range [...]*apiError{
		l.listeners.check(node, listeners), l.features.check(node, features), l.directories.check(node, directories),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// countLimit bounds how many of something one node may have.
type countLimit struct {
	what     string
	max      int
	refusals *limits.Refusals
}

func newCountLimit(what, key string, most int, logger *slog.Logger) countLimit {
	return countLimit{what, most, limits.NewRefusals(key, logger)}
}

func (l *countLimit) check(node int32, n int) *apiError {
	if n <= l.max {
		return nil
	}
	l.refusals.Note("node", node, "has", n, "most", l.max)
	return errorf(kerr.InvalidRequest, "Node %d has %d %s, of which a node may have %d (%s on the controllers).",
		node, n, l.what, l.max, l.refusals.Name())
}
