package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// marked is a string that tests set in a request in order to find its position in the body.
const marked = "mark"

var (
	compactMark = append([]byte{byte(len(marked) + 1)}, marked...)
	classicMark = append([]byte{0, byte(len(marked))}, marked...)
)

func compactString(s string) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(s))+1), s...)
}

// Input that Kafka refuses is refused with the reason; input that Kafka reads is read.
// (wire_test.go in integration compares more input with Kafka's own parsers.)
func TestBodiesAsKafkaReadsThem(t *testing.T) {
	registration := kmsg.NewPtrBrokerRegistrationRequest()
	rack := marked
	registration.Rack = &rack
	listener := kmsg.NewPtrBrokerRegistrationRequest()
	listener.Listeners = []kmsg.BrokerRegistrationRequestListener{{Host: marked}}
	describe := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceName = marked
	describe.Resources = append(describe.Resources, resource)
	envelope := kmsg.NewPtrEnvelopeRequest()
	envelope.RequestData = []byte(marked)
	topics := kmsg.NewPtrDescribeTopicPartitionsRequest()
	topics.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: marked}

	tests := []struct {
		name     string
		req      kmsg.Request
		version  int16
		old, new []byte // what stands in the body, and what is put there
		problem  string // "" if it is read
	}{
		{"longest string", registration, 4, compactMark,
			compactString(strings.Repeat("r", maxStringBytes)), ""},
		{"longer", registration, 4, compactMark,
			compactString(strings.Repeat("r", maxStringBytes+1)), "more than 32767"},
		{"null where it is allowed", registration, 4, compactMark, []byte{0}, ""},
		{"null", listener, 4, compactMark, []byte{0}, "Host is null"},
		{"length of 32 bits", registration, 4, compactMark, []byte{0xff, 0xff, 0xff, 0xff, 8},
			"beyond the end"},
		{"not UTF-8", registration, 4, compactMark, compactString("\xff"),
			"Rack is not valid UTF-8"},
		{"classic null", describe, 3, classicMark, []byte{0xff, 0xff}, "ResourceName is null"},
		{"classic length -2", describe, 3, classicMark, []byte{0xff, 0xfe}, "ResourceName is null"},
		{"array null where it is allowed", describe, 3, append(classicMark, 0xff, 0xff, 0xff, 0xff),
			append(classicMark, 0xff, 0xff, 0xff, 0xfe), ""},
		{"array null", describe, 3, []byte{0, 0, 0, 1}, []byte{0xff, 0xff, 0xff, 0xff},
			"Resources is null"},
		{"bytes null", envelope, 0, compactMark, []byte{0}, "RequestData is null"},
		{"struct neither there nor null", topics, 0, append([]byte{1}, compactMark...),
			append([]byte{0xfe}, compactMark...), "neither there nor null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.req.SetVersion(test.version)
			body := test.req.AppendTo(nil)
			if bytes.Count(body, test.old) != 1 {
				t.Fatalf("%x is not once in %x", test.old, body)
			}
			requireRefused(t, test.req, bytes.Replace(body, test.old, test.new, 1), test.problem)
		})
	}
}

// requireRefused requires that a body is refused with this problem, or read if there is none.
func requireRefused(t *testing.T, req kmsg.Request, body []byte, problem string) {
	t.Helper()
	_, err := inspectBody(req, body)
	switch {
	case problem == "" && err != nil:
		t.Errorf("refused: %v", err)
	case problem != "" && (!errors.Is(err, ErrMalformed) ||
		!strings.Contains(err.Error(), problem)):
		t.Errorf("got %v, want a refusal with %q", err, problem)
	}
}

func TestTagsAsKafkaReadsThem(t *testing.T) {
	const uuids = "\x01" // a compact array of none
	tests := []struct {
		name    string
		version int16
		tags    string // count, then each tag's number, size and content
		problem string
	}{
		{"none", 2, "\x00", ""},
		{"both", 2, "\x02\x00\x01" + uuids + "\x01\x01" + uuids, ""},
		{"null", 2, "\x01\x00\x01\x00", "OfflineLogDirs is null"},
		{"null where it is allowed", 2, "\x01\x01\x01\x00", ""},
		{"out of order", 2, "\x02\x01\x01" + uuids + "\x00\x01" + uuids, ""},
		{"unknown", 2, "\x02\x09\x01z\x08\x00", ""},
		{"unknown twice", 2, "\x02\x09\x01z\x09\x00", ""},
		{"twice", 2, "\x02\x00\x01" + uuids + "\x00\x01" + uuids,
			"OfflineLogDirs is a tagged field that comes twice"},
		{"longer than it is", 2, "\x01\x00\x02" + uuids + "z", "another size"},
		{"before its version", 0, "\x01\x00\x01" + uuids,
			"OfflineLogDirs is a tagged field of a later version"},
		{"also before its version", 1, "\x01\x01\x01" + uuids,
			"CordonedLogDirs is a tagged field of a later version"},
		{"more than there are", 2, "\x02\x00\x01" + uuids, "beyond the end"},
		{"count of 32 bits", 2, "\xff\xff\xff\xff\x0f", "beyond the end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := kmsg.NewPtrBrokerHeartbeatRequest()
			req.Version = test.version
			body := req.AppendTo(nil)
			requireRefused(t, req, append(body[:len(body)-1], test.tags...), test.problem)
		})
	}
}

// A client id that is not UTF-8 is accepted, as by Kafka: it is no reason to refuse a request.
func TestClientIDReplaced(t *testing.T) {
	data := []byte{0, 63, 0, 1, 0, 0, 0, 1, 0, 2, 'c', 0xff, 0}
	data = append(data, kmsg.NewPtrBrokerHeartbeatRequest().AppendTo(nil)...)
	req, err := DecodeRequest(testVersions, data)
	if err != nil || req.ClientID != "c\uFFFD" {
		t.Errorf("client id %q, %v", req.ClientID, err)
	}
}
