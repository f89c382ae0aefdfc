package kafkaproto

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDecodeRequest(t *testing.T) {
	whole := heartbeat(9)[4:]
	tests := []struct {
		name string
		data []byte
		want Request
		err  error
	}{
		{"whole", whole, Request{Key: 63, Version: 1, CorrelationID: 9, ClientID: "tester"}, nil},
		{"bytes after the body", append(bytes.Clone(whole), 1, 2, 3),
			Request{Key: 63, Version: 1, CorrelationID: 9, ClientID: "tester"}, nil},
		{"unknown key", []byte{0, 99, 0, 1, 0, 0, 0, 9, 0, 0},
			Request{Key: 99, Version: 1, CorrelationID: 9}, ErrUnknownKey},
		{"version", []byte{0, 63, 0, 3, 0, 0, 0, 9, 0, 1, 'c', 0},
			Request{Key: 63, Version: 3, CorrelationID: 9, ClientID: "c"}, ErrUnsupportedVersion},
		{"header", whole[:12], Request{Key: 63, Version: 1, CorrelationID: 9}, ErrMalformed},
		{"body", whole[:len(whole)-1],
			Request{Key: 63, Version: 1, CorrelationID: 9, ClientID: "tester"}, ErrMalformed},
		{"nothing", nil, Request{}, ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := DecodeRequest(testVersions, test.data)
			body := got.Body
			got.Body = nil
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%+v, %v; want %+v, %v", got, err, test.want, test.err)
			}
			if (body == nil) != (test.err != nil) {
				t.Errorf("body %v with error %v", body, err)
			}
		})
	}
}

func TestAppendResponse(t *testing.T) {
	heartbeat := kmsg.NewPtrBrokerHeartbeatResponse() // flexible
	metadata := kmsg.NewPtrMetadataResponse()         // version 0 is not
	apiVersions := kmsg.NewPtrApiVersionsResponse()   // flexible, but its header is not
	apiVersions.Version = 3
	for _, test := range []struct {
		resp   kmsg.Response
		header []byte
	}{{heartbeat, []byte{1, 0, 0, 0, 9, 0}}, {metadata, []byte{1, 0, 0, 0, 9}},
		{apiVersions, []byte{1, 0, 0, 0, 9}}} {
		want := test.resp.AppendTo(test.header)
		if got := AppendResponse([]byte{1}, 9, test.resp); !bytes.Equal(got, want) {
			t.Errorf("%T: %x, want %x", test.resp, got, want)
		}
	}
}
