package controller

import (
	"cmp"
	"log/slog"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/protocol"
)

// Limits bound the lists of one request. They are checked before any work, on every way in. Zero is
// no limit. Their configuration keys are in limitTable.
type Limits struct {
	Topics     int // read, or whose partitions are changed
	Partitions int
	Changes    int // topics, resources or partitions that are changed all together or not at all
	Resources  int // resources whose configs are read, groups whose coordinators are looked for
	Configs    int // values set, in all resources together
	// Every node keeps all registrations in memory, and every client gets the listeners.
	Directories int // in a broker's registration or heartbeat
	Listeners   int // in a registration
	Features    int // in a registration
}

const (
	limitTopics = iota
	limitPartitions
	limitChanges
	limitResources
	limitConfigs
	limitDirectories
	limitListeners
	limitFeatures
	limitCount
)

// limitTable has the configuration key of each limit, and what it counts.
var limitTable = [limitCount]struct{ key, what string }{
	limitTopics:      {"yakt.max.request.topics", "topics"},
	limitPartitions:  {"yakt.max.request.partitions", "partitions"},
	limitChanges:     {"yakt.max.request.changes", "changes"},
	limitResources:   {"yakt.max.request.resources", "resources"},
	limitConfigs:     {"yakt.max.request.configs", "configs"},
	limitDirectories: {"yakt.max.request.directories", "directories"},
	limitListeners:   {"yakt.max.request.listeners", "listeners"},
	limitFeatures:    {"yakt.max.request.features", "features"},
}

// requestSize is how much a request lists of each limited kind.
type requestSize [limitCount]int

// limiter compares requests with the limits. It may be used by any goroutine.
type limiter struct {
	most    requestSize
	refused [limitCount]*limits.Refusals
}

func newLimiter(l Limits, logger *slog.Logger) *limiter {
	lim := &limiter{most: requestSize{
		l.Topics, l.Partitions, l.Changes, l.Resources, l.Configs,
		l.Directories, l.Listeners, l.Features,
	}}
	for i, row := range limitTable {
		lim.most[i] = cmp.Or(lim.most[i], math.MaxInt)
		lim.refused[i] = limits.NewRefusals(row.key, logger)
	}
	return lim
}

// exceeded returns the first limit that a request of this size exceeds, if any.
func (l *limiter) exceeded(size requestSize) (limit int, ok bool) {
	for i, n := range size {
		if n > l.most[i] {
			return i, true
		}
	}
	return 0, false
}

// check returns the refusal of a request that lists too much.
func (l *limiter) check(caller protocol.Caller, req kmsg.Request) *protocol.Error {
	size := sizeOf(req)
	i, ok := l.exceeded(size)
	if !ok {
		return nil
	}
	row := limitTable[i]
	l.refused[i].Add("request", kmsg.NameForKey(req.Key()), row.what, size[i], "most", l.most[i],
		"client", caller.ClientAddr)
	return protocol.Errorf(kerr.PolicyViolation,
		"The request lists %d %s, and %s allows %d: send several requests, or raise the limit.",
		size[i], row.what, row.key, l.most[i])
}

// sizeOf counts what a request lists, by the lengths of its arrays.
func sizeOf(req kmsg.Request) (s requestSize) {
	switch r := req.(type) {
	case *kmsg.MetadataRequest:
		s[limitTopics] = len(r.Topics)
	case *kmsg.DescribeTopicPartitionsRequest:
		s[limitTopics] = len(r.Topics)
	case *kmsg.DescribeConfigsRequest:
		s[limitResources] = len(r.Resources)
	case *kmsg.ListConfigResourcesRequest:
		s[limitResources] = len(r.ResourceTypes)
	case *kmsg.DescribeClientQuotasRequest:
		s[limitResources] = len(r.Components)
	case *kmsg.DescribeUserSCRAMCredentialsRequest:
		s[limitResources] = len(r.Users)
	case *kmsg.DescribeDelegationTokenRequest:
		s[limitResources] = len(r.Owners)
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		s[limitChanges] = len(r.Deletions) + len(r.Upsertions)
	case *kmsg.CreateACLsRequest:
		s[limitChanges] = len(r.Creations)
	case *kmsg.DeleteACLsRequest:
		s[limitChanges] = len(r.Filters)
	case *kmsg.CreateDelegationTokenRequest:
		s[limitConfigs] = len(r.Renewers)
	case *kmsg.FindCoordinatorRequest:
		s[limitResources] = len(r.CoordinatorKeys)
	case *kmsg.DeleteTopicsRequest:
		s[limitChanges] = len(r.TopicNames) + len(r.Topics)
	case *kmsg.CreatePartitionsRequest:
		s[limitChanges] = len(r.Topics)
	case *kmsg.BrokerRegistrationRequest:
		s[limitDirectories], s[limitListeners] = len(r.LogDirs), len(r.Listeners)
		s[limitFeatures] = len(r.Features)
	case *kmsg.ControllerRegistrationRequest:
		s[limitListeners], s[limitFeatures] = len(r.Listeners), len(r.Features)
	case *kmsg.BrokerHeartbeatRequest:
		s[limitDirectories] = max(len(r.OfflineLogDirs), len(r.CordonedLogDirs))
	default:
		return entriesIn(req)
	}
	return s
}

// entriesIn counts the nested lists of a request.
func entriesIn(req kmsg.Request) (s requestSize) {
	var lists entryLists
	outer, inner := limitTopics, limitPartitions
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		lists = entryLists{len(r.Topics), func(i int) int { return len(r.Topics[i].Configs) }}
		outer, inner = limitChanges, limitConfigs
	case *kmsg.AlterConfigsRequest:
		lists = entryLists{len(r.Resources), func(i int) int { return len(r.Resources[i].Configs) }}
		outer, inner = limitChanges, limitConfigs
	case *kmsg.IncrementalAlterConfigsRequest:
		lists = entryLists{len(r.Resources), func(i int) int { return len(r.Resources[i].Configs) }}
		outer, inner = limitChanges, limitConfigs
	case *kmsg.AlterClientQuotasRequest:
		lists = entryLists{len(r.Entries), func(i int) int { return len(r.Entries[i].Ops) }}
		outer, inner = limitChanges, limitConfigs
	case *kmsg.ElectLeadersRequest:
		lists = electionLists(r)
	case *kmsg.AlterPartitionAssignmentsRequest:
		lists, inner = reassignmentLists(r), limitChanges
	case *kmsg.ListPartitionReassignmentsRequest:
		lists = entryLists{len(r.Topics), func(i int) int { return len(r.Topics[i].Partitions) }}
	case *kmsg.DescribeQuorumRequest:
		lists = quorumLists(r)
	case *kmsg.AlterPartitionRequest:
		lists = isrLists(r)
	case *kmsg.AssignReplicasToDirsRequest:
		return replicasIn(r)
	}
	s[outer], s[inner] = lists.n, lists.total()
	return s
}

func replicasIn(r *kmsg.AssignReplicasToDirsRequest) (s requestSize) {
	s[limitDirectories] = len(r.Directories)
	for i := range r.Directories {
		s[limitTopics] += len(r.Directories[i].Topics)
		for j := range r.Directories[i].Topics {
			s[limitPartitions] += len(r.Directories[i].Topics[j].Partitions)
		}
	}
	return s
}

// longRequest is the number of listed things from which a request is long: it then counts as a part
// of an operation, and gives way to short requests.
const longRequest = 500

// isLong reports whether a request may use the core as long as a part of a long operation.
func isLong(req kmsg.Request) bool {
	size := sizeOf(req)
	n := size[limitPartitions] + size[limitChanges] + size[limitConfigs]
	switch r := req.(type) {
	case *kmsg.ElectLeadersRequest:
		return r.Topics == nil || n > longRequest
	case *kmsg.CreateTopicsRequest:
		for i := range r.Topics {
			n += max(int(r.Topics[i].NumPartitions), len(r.Topics[i].ReplicaAssignment), 0)
		}
	case *kmsg.CreatePartitionsRequest:
		for i := range r.Topics {
			n += max(int(r.Topics[i].Count), 0)
		}
	}
	return n > longRequest
}
