package controller

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// controllerEndpoint is where a controller listens under a listener's name. The voter set comes first: brokers believe it. A node
// that is not in it yet may have registered itself; this node knows its own listeners anyway.
func (c *Controller) controllerEndpoint(img *metadata.Image, node int32, listener string) (host string, port uint16, ok bool) {
	if voters := img.Voters(); voters != nil {
		for _, v := range voters.Voters {
			if v.ID != node {
				continue
			}
			for _, e := range v.Endpoints {
				if strings.EqualFold(e.Name, listener) {
					return e.Host, e.Port, true
				}
			}
		}
	}
	registration := img.Controller(node)
	if registration == nil && node == c.cfg.NodeID {
		registration = &c.cfg.Registration
	}
	if registration == nil {
		return "", 0, false
	}
	e := namedEndpoint(registration.Endpoints, listener)
	if e == nil {
		return "", 0, false
	}
	return e.Host, e.Port, true
}

// namedEndpoint is the endpoint of a listener's name, or nil. Names are not case-sensitive: Kafka turns them into upper case.
func namedEndpoint(endpoints []record.Endpoint, listener string) *record.Endpoint {
	for i := range endpoints {
		if strings.EqualFold(endpoints[i].Name, listener) {
			return &endpoints[i]
		}
	}
	return nil
}

// sameCluster accepts a request that names this cluster or none.
func (c *Controller) sameCluster(clusterID *string) bool {
	return clusterID == nil || *clusterID == c.cfg.ClusterID
}

// responseTo is an empty response of the request's version with all defaults.
func responseTo[R kmsg.Response](req kmsg.Request) R { return req.ResponseKind().(R) }

// Sets of acl operations as bits, one for each operation that a resource of the type knows (AclEntry.supportedOperations).
const (
	clusterOperations int32 = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12 // create, alter, describe, cluster action, (describe, alter) configs, idempotent write
	topicOperations   int32 = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
)
