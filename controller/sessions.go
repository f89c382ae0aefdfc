package controller

import (
	"time"

	"github.com/yakt/yakt/metadata"
)

// sessions is the soft state of brokers: when each was last heard of and how far it has read.
type sessions struct{ cfg *Config }

func newSessions(cfg *Config) *sessions { return &sessions{cfg: cfg} }

// claim starts a session for every unfenced broker: a new leader has heard of nobody yet.
func (s *sessions) claim(now time.Time, img *metadata.Image) {}

// renounce forgets everything.
func (s *sessions) renounce() {}
