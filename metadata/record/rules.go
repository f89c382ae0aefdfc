package record

import (
	"fmt"
	"math"
	"strings"

	"github.com/yakt/yakt/protocol"
)

// ruled is a record with rules beyond the types of its fields: those of Kafka's replay, and those
// that brokers and their clients need in order to use it. invalid returns the first field that
// breaks a rule, or nil.
type ruled interface{ invalid() *fieldError }

// The rules follow from the code that replays a record in brokers of 4.0 to 4.4 (MetadataDelta, the
// registrations, and the publishers after it) and, where that code accepts everything, from what
// Kafka's own controllers never write.

func (r *RegisterBroker) invalid() *fieldError {
	return first(
		notNegative(&r.BrokerID),
		endpoints(r.Endpoints), features(r.Features), directories(r.LogDirs),
	)
}

func (r *BrokerRegistrationChange) invalid() *fieldError {
	switch {
	case r.Fenced < FencedUnfence || r.Fenced > FencedFence:
		return bad(&r.Fenced, "is %d, which is not -1, 0 or 1", r.Fenced)
	case r.InControlledShutdown < 0 || r.InControlledShutdown > 1:
		return bad(&r.InControlledShutdown, "is %d, which is not 0 or 1", r.InControlledShutdown)
	}
	return directories(r.LogDirs)
}

func (r *RegisterController) invalid() *fieldError {
	return first(notNegative(&r.ControllerID), endpoints(r.Endpoints), features(r.Features))
}

func (r *Topic) invalid() *fieldError {
	if problem := TopicNameProblem(r.Name); problem != "" {
		return bad(&r.Name, "is no topic's: %s", problem)
	}
	if r.TopicID.IsZero() || r.TopicID == protocol.MetadataTopicID {
		return bad(&r.TopicID, "is %v, which is reserved", r.TopicID)
	}
	return nil
}

func (r *Partition) invalid() *fieldError {
	switch {
	case r.PartitionID < 0:
		return notNegative(&r.PartitionID)
	case r.LeaderRecoveryState < Recovered || r.LeaderRecoveryState > Recovering:
		return recoveryState(&r.LeaderRecoveryState)
	case len(r.Directories) > 0 && len(r.Directories) != len(r.Replicas):
		return directoriesFor(&r.Directories, len(r.Replicas))
	}
	return nil
}

func (r *PartitionChange) invalid() *fieldError {
	switch {
	case r.PartitionID < 0:
		return notNegative(&r.PartitionID)
	case r.LeaderRecoveryState < NoRecoveryChange || r.LeaderRecoveryState > Recovering:
		return recoveryState(&r.LeaderRecoveryState)
	case r.Replicas != nil && len(r.Directories) > 0 && len(r.Directories) != len(r.Replicas):
		return directoriesFor(&r.Directories, len(r.Replicas))
	}
	return nil
}

// Values of Config.ResourceType (ConfigResource.Type). Levels of loggers are not in records.
const (
	ConfigTopic         int8 = 2
	ConfigBroker        int8 = 4
	ConfigBrokerLogger  int8 = 8
	ConfigClientMetrics int8 = 16
	ConfigGroup         int8 = 32
)

func (r *Config) invalid() *fieldError {
	switch r.ResourceType {
	case ConfigBroker: // no name is the default of all brokers
		return nil
	case ConfigTopic, ConfigClientMetrics, ConfigGroup:
		return notEmpty(&r.ResourceName)
	}
	return bad(&r.ResourceType, "is %d, which no configs belong to", r.ResourceType)
}

func (r *FeatureLevel) invalid() *fieldError {
	if r.Level < 0 {
		return bad(&r.Level, "is negative")
	}
	return notEmpty(&r.Name)
}

func (r *ProducerIDs) invalid() *fieldError {
	if r.NextProducerID < 0 {
		return bad(&r.NextProducerID, "is negative")
	}
	return nil
}

func (r *UserScramCredential) invalid() *fieldError {
	if r.Iterations <= 0 {
		return bad(&r.Iterations, "is not positive")
	}
	return first(notEmpty(&r.Name), scramMechanism(&r.Mechanism))
}

func (r *RemoveUserScramCredential) invalid() *fieldError { return scramMechanism(&r.Mechanism) }

func (r *DelegationToken) invalid() *fieldError {
	for i := range r.Renewers {
		if wrong := principal(&r.Renewers[i]); wrong != nil {
			return wrong
		}
	}
	return first(principal(&r.Owner), principal(&r.Requester), notEmpty(&r.TokenID))
}

func (r *AccessControlEntry) invalid() *fieldError {
	return first(
		within(&r.ResourceType, 2, 7), within(&r.PatternType, 3, 4),
		within(&r.Operation, 2, 15), within(&r.PermissionType, 2, 3),
		notEmpty(&r.ResourceName), principal(&r.Principal), notEmpty(&r.Host),
	)
}

func (r *ClientQuota) invalid() *fieldError {
	if len(r.Entity) == 0 {
		return bad(&r.Entity, "is empty")
	}
	seen := make(map[string]bool, len(r.Entity))
	for i := range r.Entity {
		e := &r.Entity[i]
		switch {
		case e.Type != "user" && e.Type != "client-id" && e.Type != "ip":
			return bad(&e.Type, `is not "user", "client-id" or "ip"`)
		case seen[e.Type]:
			return bad(&e.Type, "stands there twice")
		case e.Name != nil && *e.Name == "":
			return bad(&e.Name, "is empty")
		}
		seen[e.Type] = true
	}
	switch {
	case seen["ip"] && len(seen) > 1:
		return bad(&r.Entity, "has an ip together with others")
	case !r.Remove && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Value <= 0):
		return bad(&r.Value, "is not a positive number")
	}
	return notEmpty(&r.Key)
}

func (r *Voters) invalid() *fieldError {
	seen := make(map[int32]bool, len(r.Voters))
	for i := range r.Voters {
		v := &r.Voters[i]
		switch {
		case v.ID < 0:
			return notNegative(&v.ID)
		case seen[v.ID]:
			return bad(&v.ID, "is %d, as that of another voter", v.ID)
		case v.KRaftVersionMin < 0 || v.KRaftVersionMax < v.KRaftVersionMin:
			return noRange(&v.KRaftVersionMax, v.KRaftVersionMin)
		}
		seen[v.ID] = true
		if wrong := voterEndpoints(v.Endpoints); wrong != nil {
			return wrong
		}
	}
	return nil
}

// voterEndpoints may have port 0: such a voter listens on any free port and announces it once it
// runs.
func voterEndpoints(list []VoterEndpoint) *fieldError {
	names := make(names, len(list))
	for i := range list {
		if wrong := first(names.add(&list[i].Name), notEmpty(&list[i].Host)); wrong != nil {
			return wrong
		}
	}
	return nil
}

func endpoints(list []Endpoint) *fieldError {
	names := make(names, len(list))
	for i := range list {
		e := &list[i]
		wrong := first(names.add(&e.Name), notEmpty(&e.Host), port(&e.Port))
		if wrong == nil && (e.SecurityProtocol < 0 || e.SecurityProtocol > 3) {
			wrong = bad(&e.SecurityProtocol, "is %d, which is not one of 0 to 3", e.SecurityProtocol)
		}
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

func features(list []FeatureRange) *fieldError {
	names := make(names, len(list))
	for i := range list {
		f := &list[i]
		if wrong := names.add(&f.Name); wrong != nil {
			return wrong
		}
		if f.Min < 0 || f.Max < f.Min {
			return noRange(&f.Max, f.Min)
		}
	}
	return nil
}

func directories(list []protocol.UUID) *fieldError {
	seen := make(map[protocol.UUID]bool, len(list))
	for i := range list {
		switch id := &list[i]; {
		case id.Reserved():
			return bad(id, "is %v, which is reserved", *id)
		case seen[*id]:
			return bad(id, "is %v, as that of another directory", *id)
		}
		seen[list[i]] = true
	}
	return nil
}

// names must be neither empty nor equal, because readers keep only one element of each name.
type names map[string]bool

func (n names) add(name *string) *fieldError {
	if n[*name] {
		return bad(name, "is %q, as that of another element", shorten(*name, 100))
	}
	n[*name] = true
	return notEmpty(name)
}

// shorten keeps enough of a name for an operator to find it.
func shorten(name string, most int) string {
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "..."
}

const topicNameMax = 249

// TopicNameProblem returns why a topic name is invalid, in Kafka's words (Topic.validate), or "".
// Brokers make directories with these names.
func TopicNameProblem(name string) string {
	shown := shorten(name, topicNameMax+1)
	switch {
	case name == "":
		return "the empty string is not allowed"
	case name == "." || name == "..":
		return fmt.Sprintf("'%s' is not allowed", name)
	case len(name) > topicNameMax:
		return fmt.Sprintf("the length of '%s' is longer than the max allowed length %d",
			shown, topicNameMax)
	case !legalTopicName(name):
		return fmt.Sprintf("'%s' contains one or more characters other than ASCII alphanumerics, "+
			"'.', '_' and '-'", shown)
	}
	return ""
}

func legalTopicName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func bad(field any, format string, args ...any) *fieldError {
	return &fieldError{field, fmt.Sprintf(format, args...)}
}

func first(problems ...*fieldError) *fieldError {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}

func directoriesFor(list *[]protocol.UUID, replicas int) *fieldError {
	return bad(list, "has %d elements for %d replicas", len(*list), replicas)
}

func noRange(high *int16, low int16) *fieldError {
	return bad(high, "makes no range of %d to %d", low, *high)
}

func notEmpty(text *string) *fieldError {
	if *text == "" {
		return bad(text, "is empty")
	}
	return nil
}

func notNegative(id *int32) *fieldError {
	if *id < 0 {
		return bad(id, "is %d, which is negative", *id)
	}
	return nil
}

func port(n *uint16) *fieldError {
	if *n == 0 {
		return bad(n, "is 0, where nobody listens")
	}
	return nil
}

func within(code *int8, low, high int8) *fieldError {
	if *code < low || *code > high {
		return bad(code, "is %d, which is not one of %d to %d", *code, low, high)
	}
	return nil
}

func scramMechanism(code *int8) *fieldError { return within(code, 1, 2) }

func recoveryState(s *int8) *fieldError {
	return bad(s, "is %d, which no leader recovery state has", *s)
}

// principal is "Type:name" (SecurityUtils.parseKafkaPrincipal).
func principal(text *string) *fieldError {
	if !strings.Contains(*text, ":") {
		return bad(text, "is not of the form Type:name")
	}
	return nil
}
