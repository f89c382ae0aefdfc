package configs

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Alteration collects the changes that one request makes to the configs of several resources.
type Alteration struct {
	changes *Changes
	times   map[Resource]int // how often the request names it; 0 when it is answered
	// kinds that are answered each time that the request names a resource, as in Kafka
	each []int8
	// Authorize returns why a resource may not be altered; nil allows everything.
	Authorize func(Resource) *protocol.Error
	// Validate makes no change but the records, which the caller then drops: it leaves the loggers
	// alone.
	Validate bool
	records  []record.Record
	read     int // bytes of the present values of the resources
	// Answers are the answers for the resources so far, in the order of the request.
	Answers  []Answer
	messages protocol.Messages
}

// ReadMaxBytes bounds the present values of the resources of one request: a change of one key reads
// all values of its resource.
const ReadMaxBytes = 4 << 20

// Answer is the answer for the resource at Index in the request; a nil Err is success.
type Answer struct {
	Index int
	Err   *protocol.Error
}

// NewAlteration begins a request that names so many resources.
func NewAlteration(changes *Changes, resources int) *Alteration {
	return &Alteration{
		changes: changes, times: make(map[Resource]int, resources),
		Answers: make([]Answer, 0, resources),
	}
}

// AnswerEach has resources of a kind answered each time that the request names them, as Kafka does.
func (a *Alteration) AnswerEach(kind int8) { a.each = append(a.each, kind) }

// Name counts a resource of the request. All of them are counted before the first is altered.
func (a *Alteration) Name(kind int8, name string) {
	a.times[Resource{kind, name}]++
	if !knownConfigs(kind) && !slices.Contains(a.each, kind) {
		a.each = append(a.each, kind)
	}
}

// Resource makes the records of one resource, or records why it is refused. A resource is answered
// the first time that the request names it.
func (a *Alteration) Resource(index int, kind int8, name string, ops []Op) {
	res := Resource{kind, name}
	times := a.times[res]
	if times == 0 && !slices.Contains(a.each, kind) {
		return
	}
	a.times[res] = 0
	records, err := a.alter(res, ops, times)
	a.records = append(a.records, records...)
	a.Answers = append(a.Answers, Answer{index, a.messages.Bounded(err)})
}

// PerResourceMax bounds the configs of one resource: those of a broker may have any names.
const PerResourceMax = 10_000

// alter makes the records of one resource, which the request names so many times.
func (a *Alteration) alter(
	res Resource, ops []Op, times int,
) ([]record.Record, *protocol.Error) {
	if err := a.refuse(res, times); err != nil {
		return nil, err
	}
	current := a.changes.img.Config(res.Kind, res.Name)
	for _, value := range current {
		a.read += len(value)
	}
	if a.read > ReadMaxBytes {
		return nil, protocol.Errorf(kerr.PolicyViolation,
			"The resources of the request have more than %d bytes of "+
				"configs now: change fewer at once.", ReadMaxBytes)
	}
	if a.loggers(res) {
		return nil, alterLoggers(a.changes.settings, res.Name, ops, a.Validate)
	}
	records, err := a.changes.Incremental(res, ops, false)
	adds := func(r record.Record) bool {
		c, ok := r.(*record.Config)
		if !ok || c.Value == nil {
			return false
		}
		_, known := current[c.Name]
		return !known
	}
	if err == nil && len(current)+len(records) > PerResourceMax &&
		slices.ContainsFunc(records, adds) {
		return nil, protocol.Errorf(kerr.PolicyViolation,
			"A resource may have no more than %d configs.", PerResourceMax)
	}
	return records, err
}

// Records are those of all resources, and the ClearElr records that follow from them.
func (a *Alteration) Records() []record.Record {
	return append(a.records, ClearElrs(a.changes.img, a.records)...)
}

// loggers reports whether a resource stands for this process's loggers, which the request alters.
func (a *Alteration) loggers(res Resource) bool {
	return res.Kind == metadata.ConfigBrokerLogger && slices.Contains(a.each, res.Kind)
}

// refuse returns why a resource, which the request names so many times, cannot be altered at all.
func (a *Alteration) refuse(res Resource, times int) *protocol.Error {
	switch {
	case a.loggers(res):
	case res.Kind == metadata.ConfigBrokerLogger:
		return protocol.Errorf(kerr.InvalidRequest, "Unexpected resource type BROKER_LOGGER.")
	case !knownConfigs(res.Kind):
		return protocol.Errorf(kerr.UnsupportedVersion, "Unknown resource type %d.", res.Kind)
	case times > 1:
		return protocol.Errorf(kerr.InvalidRequest, "Duplicate resource.")
	}
	if a.Authorize == nil {
		return nil
	}
	return a.Authorize(res)
}

// knownConfigs reports whether resources of this kind exist.
func knownConfigs(kind int8) bool {
	switch kind {
	case metadata.ConfigTopic, metadata.ConfigBroker, metadata.ConfigBrokerLogger,
		metadata.ConfigClientMetrics, metadata.ConfigGroup:
		return true
	}
	return false
}
