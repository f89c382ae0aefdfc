package node

import (
	"maps"
	"slices"
	"strconv"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/metadata"
)

// brokerResource is the type of the configs of a node, broker or controller (ConfigResource.Type).
const brokerResource = 4

// follow applies the dynamic configs of this node to the certificates of its listeners, as they are
// committed and until close. What cannot be used is logged, and the certificates before stay in
// use: unlike Kafka's, which check a change before they accept it, nodes here learn of a change
// when it is committed, since the active controller has no access to the files of another node.
func (g *guard) follow(c *controller.Controller) {
	if len(g.stores) == 0 {
		return
	}
	applied := make(map[string]map[string]string)
	for name := range g.stores {
		applied[name] = g.cfg.SecurityKeys(name, nil)
	}
	g.running.Go(func() {
		for {
			img := c.Image()
			g.apply(img, applied)
			if c.Await(g.ctx, feed.AudienceBrokers, img.EndOffset()-1) != nil {
				return
			}
		}
	})
}

// apply gives each store the keys that an image puts into effect, if they are not those that it
// was given last.
func (g *guard) apply(img *metadata.Image, applied map[string]map[string]string) {
	dynamic := img.Config(brokerResource, strconv.Itoa(int(g.cfg.NodeID)))
	for name, store := range g.stores {
		keys := g.cfg.SecurityKeys(name, dynamic)
		if maps.Equal(keys, applied[name]) {
			continue
		}
		applied[name] = keys
		if err := store.Update(keys); err != nil {
			g.logger.Error("the dynamic configs of this node name certificates that cannot be used; "+
				"the certificates before stay in use", "listener", name, "err", err)
		}
	}
}

// expiries are the certificates of all listeners, by the names of the listeners.
func (g *guard) expiries() (all []httpapi.Certificate) {
	if g == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(g.stores)) {
		for _, e := range g.stores[name].Expiries() {
			all = append(all, httpapi.Certificate(e))
		}
	}
	return all
}
