package controller

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// controllerEndpoint is a controller's endpoint on a listener. The voter set has precedence,
// because brokers use it; a node outside it may have registered itself. This node knows its own
// listeners in any case.
func (c *Controller) controllerEndpoint(
	img *metadata.Image, node int32, listener string,
) (host string, port uint16, ok bool) {
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

// namedEndpoint is the endpoint of a listener, nil if there is none. The case of the name does not
// matter: Kafka turns it into upper case.
func namedEndpoint(endpoints []record.Endpoint, listener string) *record.Endpoint {
	for i := range endpoints {
		if strings.EqualFold(endpoints[i].Name, listener) {
			return &endpoints[i]
		}
	}
	return nil
}

// sameCluster reports whether a request names this cluster, or none.
func (c *Controller) sameCluster(clusterID *string) bool {
	return clusterID == nil || *clusterID == c.cfg.ClusterID
}

// responseTo is an empty response of the request's version with all defaults.
func responseTo[R kmsg.Response](req kmsg.Request) R { return req.ResponseKind().(R) }

// noMessage is the message of success in the responses whose schema gives the field no default:
// Kafka sends an empty string there, not null.
func noMessage() *string { return new(string) }
