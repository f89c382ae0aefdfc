package controller

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// api is a row of the table: one request type that the controller listener serves.
type api struct {
	key, min, max int16
	name          string
	// forwardable requests may come inside an ENVELOPE, on behalf of a broker's client.
	forwardable bool
	// read answers from the committed image or the log, on the caller's goroutine; any node does.
	read func(*Controller, context.Context, protocol.Caller, kmsg.Request) kmsg.Response
	// serve answers by itself, at any time.
	serve func(*Controller, context.Context, protocol.Caller, kmsg.Request, func(kmsg.Response))
	// write runs on the core of the active controller.
	write func(*core, op, kmsg.Request) result
	// fail returns the response for an error of the whole request; nil for APIs without one.
	fail func(kmsg.Request, *protocol.Error) kmsg.Response
	// timeout bounds the wait in the queue; nil is no bound.
	timeout func(*Controller, kmsg.Request) time.Duration
	sender  sender
	// who says who may send the request.
	who authorization
	// refuse answers requests that no node carries out on this connection or under this
	// configuration, before anything else; nil lets a request through.
	refuse func(*Controller, protocol.Caller, kmsg.Request) kmsg.Response
	// prepare does for the operation, on the caller's goroutine, what the core must not wait for.
	prepare func(*Controller, context.Context, kmsg.Request, *op)
	// quick answers on the caller's goroutine if the request needs no turn of the core; nil leaves
	// it to write.
	quick func(*Controller, op, kmsg.Request) kmsg.Response
}

// sender is the kind of client that sends a request, by which the core's time is divided; see
// queue.
type sender uint8

const (
	administrator sender = iota
	broker
	livingBroker // requests that keep a broker's session alive
)

// apis are the requests that the controller listener serves, by key. The version ranges are those
// of Kafka 4.4. METADATA, FIND_COORDINATOR, INIT_PRODUCER_ID and DESCRIBE_TOPIC_PARTITIONS are an
// addition, so that clients may use a controller as their seed, and so are DESCRIBE_CLIENT_QUOTAS
// and LIST_CONFIG_RESOURCES, which show what clients have set.
var apis = []*api{
	failing(readAPI(1, 4, 18, (*Controller).fetch), failFetch).needs(acls.ClusterAction),
	failing(readAPI(3, 0, 13, (*Controller).metadata), failMetadata).forEach(),
	failing(readAPI(10, 0, 6, (*Controller).findCoordinator), failFindCoordinator).forEach(),
	readAPI(17, 0, 1, (*Controller).saslHandshake).forAnyone(),
	readAPI(18, 0, 5, (*Controller).apiVersions).forAnyone(),
	deciding(writeAPI(19, 2, 7, (*core).createTopics, failCreateTopics).
		forwarded().within(createTopicsTimeout), decideCreateTopics),
	deciding(writeAPI(20, 1, 6, (*core).deleteTopics, failDeleteTopics).
		forwarded().within(deleteTopicsTimeout), decideDeleteTopics),
	failing(readAPI(22, 0, 5, (*Controller).initProducerID), failInitProducerID).forEach(),
	failing(readAPI(29, 1, 3, (*Controller).describeAcls), failDescribeAcls).needs(acls.Describe),
	refusing(writeAPI(30, 1, 3, (*core).createAcls, failCreateAcls).forwarded(),
		unlessAuthorized(failCreateAcls)).needs(acls.Alter),
	refusing(writeAPI(31, 1, 3, (*core).deleteAcls, failDeleteAcls).forwarded(),
		unlessAuthorized(failDeleteAcls)).needs(acls.Alter),
	failing(readAPI(32, 1, 4, (*Controller).describeConfigs), failDescribeConfigs).forEach(),
	deciding(writeAPI(33, 0, 2, (*core).alterConfigs, failAlterConfigs).forwarded(),
		decideAlterConfigs),
	readAPI(36, 0, 2, (*Controller).saslAuthenticate).forAnyone(),
	deciding(writeAPI(37, 0, 3, (*core).createPartitions, failCreatePartitions).
		forwarded().within(createPartitionsTimeout), decideCreatePartitions),
	refusing(writeAPI(38, 1, 3, (*core).createDelegationToken, failCreateDelegationToken).
		forwarded(), (*Controller).refuseTokenCreation).forOwners(),
	refusing(writeAPI(39, 1, 2, (*core).renewDelegationToken, failRenewDelegationToken).
		forwarded(), (*Controller).refuseTokenRenewal).forOwners(),
	refusing(writeAPI(40, 1, 2, (*core).expireDelegationToken, failExpireDelegationToken).
		forwarded(), (*Controller).refuseTokenExpiry).forOwners(),
	failing(readAPI(41, 1, 3, (*Controller).describeDelegationToken),
		failDescribeDelegationToken).forOwners(),
	writeAPI(43, 0, 2, (*core).electLeaders, failElectLeaders).
		forwarded().within(electLeadersTimeout).needs(acls.Alter),
	deciding(writeAPI(44, 0, 1, (*core).incrementalAlterConfigs, failIncrementalAlterConfigs).
		forwarded().quickly((*Controller).alterLoggers), decideIncrementalAlterConfigs),
	writeAPI(45, 0, 1, (*core).alterPartitionReassignments, failAlterPartitionReassignments).
		forwarded().within(alterPartitionReassignmentsTimeout).needs(acls.Alter),
	failing(readAPI(46, 0, 0, (*Controller).listPartitionReassignments),
		failListPartitionReassignments).forwarded().needs(acls.Describe),
	failing(readAPI(48, 0, 1, (*Controller).describeClientQuotas), failDescribeClientQuotas).
		needs(acls.DescribeConfigs).saying(""),
	preparing(writeAPI(49, 0, 1, (*core).alterClientQuotas, failAlterClientQuotas).forwarded(),
		(*Controller).resolveQuotaHosts).needs(acls.AlterConfigs).saying(clusterDenied),
	failing(readAPI(50, 0, 0, (*Controller).describeUserScramCredentials),
		failDescribeUserScramCredentials).needs(acls.Describe).saying(""),
	writeAPI(51, 0, 0, (*core).alterUserScramCredentials, failAlterUserScramCredentials).
		forwarded().needs(acls.Alter),
	failing(readAPI(55, 0, 2, (*Controller).describeQuorum), failDescribeQuorum).forwarded().
		needs(acls.Describe).saying(clusterDenied),
	writeAPI(56, 2, 3, (*core).alterPartition, failAlterPartition).from(broker).
		needs(acls.ClusterAction),
	writeAPI(57, 0, 2, (*core).updateFeatures, failUpdateFeatures).forwarded().needs(acls.Alter),
	failing(serveAPI(58, 0, 0, (*Controller).envelope), failEnvelope).needs(acls.ClusterAction),
	failing(readAPI(59, 0, 1, (*Controller).fetchSnapshot), failFetchSnapshot).
		needs(acls.ClusterAction),
	refusing(failing(readAPI(60, 0, 2, (*Controller).describeCluster), failDescribeCluster),
		(*Controller).refuseDescribeCluster).needs(acls.Alter),
	writeAPI(62, 0, 4, (*core).brokerRegistration, failBrokerRegistration).from(livingBroker).
		needs(acls.ClusterAction),
	writeAPI(63, 0, 2, (*core).brokerHeartbeat, failBrokerHeartbeat).
		within(heartbeatTimeout).quickly((*Controller).steadyHeartbeat).from(livingBroker).
		needs(acls.ClusterAction),
	writeAPI(64, 0, 0, (*core).unregisterBroker, failUnregisterBroker).forwarded().
		needs(acls.Alter),
	writeAPI(67, 0, 0, (*core).allocateProducerIDs, failAllocateProducerIDs).
		forwarded().from(broker).needs(acls.ClusterAction),
	writeAPI(70, 0, 0, (*core).controllerRegistration, failControllerRegistration).from(broker).
		needs(acls.ClusterAction).saying(clusterDenied),
	writeAPI(73, 0, 0, (*core).assignReplicasToDirs, failAssignReplicasToDirs).from(broker).
		needs(acls.ClusterAction),
	failing(readAPI(74, 0, 1, (*Controller).listConfigResources), failListConfigResources).
		needs(acls.DescribeConfigs),
	failing(readAPI(75, 0, 0, (*Controller).describeTopicPartitions),
		failDescribeTopicPartitions).forEach(),
	writeAPI(94, 0, 0, (*core).unregisterController, failUnregisterController).forwarded().
		needs(acls.Alter),
}

func init() {
	for _, a := range apis {
		byKey[a.key] = a
	}
}

var byKey = make(map[int16]*api)

func apiOf(key int16) *api { return byKey[key] }

// Versions is the range of a request that the controller serves; ok is false for a key it does not
// know.
func Versions(key int16) (min, max int16, ok bool) {
	a := apiOf(key)
	if a == nil {
		return 0, 0, false
	}
	return a.min, a.max, true
}

func newAPI(key, min, max int16) *api {
	return &api{key: key, min: min, max: max, name: kmsg.NameForKey(key)}
}

// readAPI makes a row for a request of type Q that any node answers.
func readAPI[Q kmsg.Request, R kmsg.Response](
	key, min, max int16, f func(*Controller, context.Context, protocol.Caller, Q) R,
) *api {
	a := newAPI(key, min, max)
	a.read = func(c *Controller, ctx context.Context, caller protocol.Caller,
		req kmsg.Request) kmsg.Response {
		return f(c, ctx, caller, req.(Q))
	}
	return a
}

// serveAPI makes a row for a request of type Q that answers by itself.
func serveAPI[Q kmsg.Request](key, min, max int16,
	f func(*Controller, context.Context, protocol.Caller, Q, func(kmsg.Response))) *api {
	a := newAPI(key, min, max)
	a.serve = func(c *Controller, ctx context.Context, caller protocol.Caller, req kmsg.Request,
		reply func(kmsg.Response)) {
		f(c, ctx, caller, req.(Q), reply)
	}
	return a
}

// writeAPI makes a row for a request of type Q that the active controller's core answers.
func writeAPI[Q kmsg.Request, R kmsg.Response](
	key, min, max int16, f func(*core, op, Q) result, fail func(Q, *protocol.Error) R,
) *api {
	a := newAPI(key, min, max)
	a.write = func(c *core, o op, req kmsg.Request) result { return f(c, o, req.(Q)) }
	return failing(a, fail)
}

// failing sets how a request of type Q is answered with an error.
func failing[Q kmsg.Request, R kmsg.Response](a *api, fail func(Q, *protocol.Error) R) *api {
	a.fail = func(req kmsg.Request, err *protocol.Error) kmsg.Response {
		resp := kmsg.Response(fail(req.(Q), err))
		if parts, ok := resp.(*inParts); ok {
			parts.refused = err
		}
		return resp
	}
	return a
}

// refusing sets which requests of type Q are answered before anything else.
func refusing[Q kmsg.Request](
	a *api, refuse func(*Controller, protocol.Caller, Q) kmsg.Response,
) *api {
	a.refuse = func(c *Controller, caller protocol.Caller, req kmsg.Request) kmsg.Response {
		return refuse(c, caller, req.(Q))
	}
	return a
}

// unlessAuthorized refuses requests about ACLs, on every node, as long as there is no authorizer.
func unlessAuthorized[Q kmsg.Request](
	fail func(Q, *protocol.Error) kmsg.Response,
) func(*Controller, protocol.Caller, Q) kmsg.Response {
	return func(c *Controller, _ protocol.Caller, req Q) kmsg.Response {
		if c.cfg.Authorizer != nil {
			return nil
		}
		return fail(req, errSecurityDisabled)
	}
}

// preparing sets what is done for a request of type Q before its operation is queued.
func preparing[Q kmsg.Request](
	a *api, prepare func(*Controller, context.Context, Q, *op),
) *api {
	a.prepare = func(c *Controller, ctx context.Context, req kmsg.Request, o *op) {
		prepare(c, ctx, req.(Q), o)
	}
	return a
}

func (a *api) forwarded() *api {
	a.forwardable = true
	return a
}

func (a *api) within(timeout func(*Controller, kmsg.Request) time.Duration) *api {
	a.timeout = timeout
	return a
}

func (a *api) from(s sender) *api {
	a.sender = s
	return a
}

func (a *api) quickly(quick func(*Controller, op, kmsg.Request) kmsg.Response) *api {
	a.quick = quick
	return a
}

// requestTimeout reads the timeout that a request carries in milliseconds.
func requestTimeout(timeoutMs int32) time.Duration {
	return time.Duration(max(timeoutMs, 0)) * time.Millisecond
}
