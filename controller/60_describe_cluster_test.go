package controller

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

func registeredControllers() []record.Record {
	return []record.Record{
		&record.RegisterController{ControllerID: 3000,
			Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "c0", Port: 9000}}},
		&record.RegisterController{ControllerID: 3001,
			Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "c1", Port: 40001}}},
		&record.RegisterController{ControllerID: 3002,
			Endpoints: []record.Endpoint{{Name: "SECURE", Host: "c2", Port: 9002}}},
	}
}

func TestDescribeCluster(t *testing.T) {
	c, log := newReadController(t, registeredControllers()...)
	for _, test := range []struct {
		leader, controller int32
	}{{3001, 3001}, {3002, -1}, {-1, -1}} {
		log.quorum.LeaderID = test.leader
		for v := int16(1); v <= 2; v++ {
			req := kmsg.NewPtrDescribeClusterRequest()
			req.EndpointType, req.IncludeClusterAuthorizedOperations = endpointControllers, v == 2
			resp := ask[*kmsg.DescribeClusterResponse](t, c, controllerCaller, req, v)
			want := kmsg.NewDescribeClusterResponse()
			want.Version, want.EndpointType = v, 2
			want.ClusterID, want.ControllerID = c.cfg.ClusterID, test.controller
			for i, port := range []int32{9000, 40001} {
				b := kmsg.NewDescribeClusterResponseBroker()
				b.NodeID, b.Host, b.Port = int32(3000+i), []string{"c0", "c1"}[i], port
				want.Brokers = append(want.Brokers, b)
			}
			want.ClusterAuthorizedOperations = math.MinInt32
			if v == 2 {
				want.ClusterAuthorizedOperations = 0x1fa0
			}
			sameMessage(t, "answer", *resp, want)
		}
	}
}

func TestDescribeClusterRefusals(t *testing.T) {
	c, _ := newReadController(t, registeredControllers()...)
	old, _ := newReadController(t, &record.FeatureLevel{Name: "metadata.version", Level: 14})
	const mismatch = "The request was sent to an endpoint of type CONTROLLER, but we wanted an " +
		"endpoint of type BROKER"
	for _, test := range []struct {
		c       *Controller
		version int16
		kind    int8
		code    int16
		message string
	}{
		{c, 0, 1, 42, mismatch},
		{c, 1, 1, 114, mismatch},
		{c, 2, 1, 114, mismatch},
		{c, 2, 3, 115, "Unsupported endpoint type 3"},
		{old, 2, 2, 35, "Direct-to-controller communication is not supported with the current " +
			"MetadataVersion."},
	} {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.EndpointType = test.kind
		resp := ask[*kmsg.DescribeClusterResponse](t, test.c, controllerCaller, req, test.version)
		if resp.ErrorCode != test.code || resp.ErrorMessage == nil ||
			*resp.ErrorMessage != test.message || len(resp.Brokers) != 0 {
			t.Errorf("v%d type %d: %d %v", test.version, test.kind, resp.ErrorCode,
				resp.ErrorMessage)
		}
	}
}
