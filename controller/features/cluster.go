// Package features decides whether the levels of features may change, and makes the records of a
// change.
package features

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Cluster is what determines the levels that features may have: which nodes there are, and which
// levels each of them supports.
type Cluster struct {
	NodeID int32 // the controller that decides
	Local  []record.FeatureRange
	Image  *metadata.Image
	Peers  []record.RegisterController // connected controllers, as they describe themselves
	MinISR int32                       // min.insync.replicas of NodeID's configuration
}

// Node is a node whose range of a feature's levels limits the cluster.
type Node struct {
	Kind     string // "broker" or "controller"
	ID       int32
	Local    bool // the controller that decides
	Known    bool // false: a controller of which nothing is known
	Min, Max int16
}

const (
	kindBroker     = "broker"
	kindController = "controller"
)

// Nodes yields the range of each node: that of this controller, those of the brokers and those of
// the other controllers, each by id. A feature that a node does not list is at 0 to 0. Controllers
// that have not been seen since the quorum began come last.
func (c *Cluster) Nodes(name string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		own := node(kindController, c.NodeID, c.Local, name)
		own.Local = true
		if !yield(own) {
			return
		}
		for id, b := range c.Image.Brokers() {
			if !yield(node(kindBroker, id, b.Features, name)) {
				return
			}
		}
		known := c.controllers()
		for _, id := range slices.Sorted(maps.Keys(known)) {
			if !yield(node(kindController, id, known[id], name)) {
				return
			}
		}
		for _, id := range c.unseen(known) {
			if !yield(Node{Kind: kindController, ID: id}) {
				return
			}
		}
	}
}

// controllers are the ranges of the other controllers: as registered, or else as a connected one
// describes itself, which is all there is before metadata.version 3.7-IV0.
func (c *Cluster) controllers() map[int32][]record.FeatureRange {
	known := make(map[int32][]record.FeatureRange)
	for i := range c.Peers {
		known[c.Peers[i].ControllerID] = c.Peers[i].Features
	}
	if c.Image.Version().HasControllerRegistration() {
		for id, r := range c.Image.Controllers() {
			known[id] = r.Features
		}
	}
	delete(known, c.NodeID)
	return known
}

// unseen are the voters that no leader has ever been connected to: their directory is not known.
// One that was unregistered is not among them. Nothing is known about unseen voters before
// controllers register.
func (c *Cluster) unseen(known map[int32][]record.FeatureRange) []int32 {
	var ids []int32
	voters := c.Image.Voters()
	if voters == nil || !c.Image.Version().HasControllerRegistration() {
		return nil
	}
	for _, v := range voters.Voters {
		if _, ok := known[v.ID]; !ok && v.ID != c.NodeID && v.DirectoryID.IsZero() {
			ids = append(ids, v.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func node(kind string, id int32, ranges []record.FeatureRange, name string) Node {
	n := Node{Kind: kind, ID: id, Known: true}
	for _, r := range ranges {
		if r.Name == name {
			n.Min, n.Max = r.Min, r.Max
		}
	}
	return n
}

// Refuses says why the node does not allow a level, in Kafka's words; "" if it does.
func (n Node) Refuses(level int16) string {
	switch {
	case !n.Known:
		return fmt.Sprintf("controller %d has not registered, and may not support this feature", n.ID)
	case n.Min <= level && level <= n.Max:
		return ""
	case n.Max == 0:
		return n.title() + " does not support this feature."
	}
	return n.title() + " only supports versions " + n.levels()
}

func (n Node) title() string {
	switch {
	case n.Local:
		return fmt.Sprintf("Local controller %d", n.ID)
	case n.Kind == kindBroker:
		return fmt.Sprintf("Broker %d", n.ID)
	}
	return fmt.Sprintf("Controller %d", n.ID)
}

// levels is the range as Kafka writes it (VersionRange).
func (n Node) levels() string {
	switch {
	case n.Min == n.Max:
		return fmt.Sprint(n.Min)
	case n.Max == math.MaxInt16:
		return fmt.Sprintf("%d+", n.Min)
	}
	return fmt.Sprintf("%d-%d", n.Min, n.Max)
}

// Blockers are the reasons of all nodes that do not allow a level.
func (c *Cluster) Blockers(name string, level int16) (reasons []string) {
	for n := range c.Nodes(name) {
		if reason := n.Refuses(level); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// Allows reports whether every node supports a level.
func (c *Cluster) Allows(name string, level int16) bool { return c.blocker(name, level) == "" }

// blocker is the first of Blockers, "" if there is none.
func (c *Cluster) blocker(name string, level int16) string {
	for n := range c.Nodes(name) {
		if reason := n.Refuses(level); reason != "" {
			return reason
		}
	}
	return ""
}
