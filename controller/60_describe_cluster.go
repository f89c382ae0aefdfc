package controller

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// Endpoint types of KIP-919: which kind of node a client believes to talk to.
const (
	endpointBrokers     int8 = 1
	endpointControllers int8 = 2
)

// DESCRIBE_CLUSTER (60), versions 0 to 2: the controllers of the cluster, for clients with
// --bootstrap-controller.
//
// Behaviour: lists the controllers that have registered, at their endpoint on the listener of the
// request. The controller id is that of the leader if it is among them. Before metadata.version
// 3.7-IV0 there are no registrations, and the request is refused. So is a client that asks for
// brokers, as by Kafka's controllers: tools recognise a wrong address by it. kadm and kgo never
// send this request, and Java's admin client sends it to nodes that METADATA named.
//
// The sender needs ALTER, which a broker does not ask for. The operations that it may carry out on
// the cluster are the authorizer's.
//
// KIP-919.
func (c *Controller) describeCluster(
	_ context.Context, caller protocol.Caller, req *kmsg.DescribeClusterRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeClusterResponse](req)
	img := c.Image()
	if err := checkEndpointType(req); err != nil {
		return failDescribeCluster(req, err)
	}
	resp.ClusterID, resp.EndpointType = c.cfg.ClusterID, endpointControllers
	leader, _ := c.cfg.Log.Leader()
	for id, registration := range img.Controllers() {
		e := namedEndpoint(registration.Endpoints, caller.Listener)
		if e == nil {
			continue
		}
		node := kmsg.NewDescribeClusterResponseBroker()
		node.NodeID, node.Host, node.Port = id, e.Host, int32(e.Port)
		resp.Brokers = append(resp.Brokers, node)
		if id == leader {
			resp.ControllerID = id
		}
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = c.rightsOf(caller).clusterOperations()
	}
	return resp
}

// refuseDescribeCluster refuses every sender while the metadata.version has no registrations.
func (c *Controller) refuseDescribeCluster(
	_ protocol.Caller, req *kmsg.DescribeClusterRequest,
) kmsg.Response {
	switch v := c.Image().Version(); {
	case v == 0:
		return failDescribeCluster(req, protocol.Errorf(kerr.UnsupportedVersion,
			"There is no finalized MetadataVersion, so direct-to-controller communication is not "+
				"supported."))
	case !v.HasControllerRegistration():
		return failDescribeCluster(req, protocol.Errorf(kerr.UnsupportedVersion,
			"Direct-to-controller communication is not supported with the current "+
				"MetadataVersion."))
	}
	return nil
}

func failDescribeCluster(req *kmsg.DescribeClusterRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DescribeClusterResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}

// checkEndpointType accepts requests for controllers. Version 0 always asks for brokers.
func checkEndpointType(req *kmsg.DescribeClusterRequest) *protocol.Error {
	var kafka *kerr.Error
	var message string
	switch req.EndpointType {
	case endpointControllers:
		return nil
	case endpointBrokers:
		kafka, message = kerr.MismatchedEndpointType, "The request was sent to an endpoint of "+
			"type CONTROLLER, but we wanted an endpoint of type BROKER"
	default:
		kafka = kerr.UnsupportedEndpointType
		message = fmt.Sprintf("Unsupported endpoint type %d", req.EndpointType)
	}
	if req.Version == 0 {
		kafka = kerr.InvalidRequest
	}
	return &protocol.Error{Kafka: kafka, Message: message}
}
