package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

func (d *testDriver) unregisterController(id int32) (code int16, message string) {
	req := kmsg.NewPtrUnregisterControllerRequest()
	req.ControllerID = id
	resp := d.answer(req).(*kmsg.UnregisterControllerResponse)
	if resp.ErrorMessage == nil {
		d.t.Errorf("controller %d: the message is null", id)
		return resp.ErrorCode, ""
	}
	return resp.ErrorCode, *resp.ErrorMessage
}

// TestUnregisterController: a controller that is gone stays unregistered, and one that is connected
// is registered again.
func TestUnregisterController(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, threeVoters)
	connected, gone := peer(t, 3001, 1), peer(t, 3002, 1)
	d.log.peers = []Peer{connected, gone}
	d.advance(upkeepInterval)
	gone.Connected = false
	d.log.peers = []Peer{connected, gone}
	n := len(d.log.All)
	for _, id := range []int32{3001, 3002} {
		if code, message := d.unregisterController(id); code != 0 || message != "" {
			t.Errorf("controller %d: %d %q", id, code, message)
		}
	}
	if img := d.Image(); img.Controller(3001) != nil || img.Controller(3002) != nil {
		t.Error("unregistered controllers are in the image")
	}
	d.advance(upkeepInterval)
	wantLog(t, d.log.All[n:], "no controller 3001", ".", "no controller 3002", ".",
		"controller 3001", ".")
}

func TestUnregisterControllerRefusals(t *testing.T) {
	t.Parallel()
	const own = "Controller cannot unregister itself while it is active."
	const old = "The current MetadataVersion is too old to support controller unregistration."
	for _, test := range []struct {
		level   metadata.Version
		id      int32
		code    int16
		message string
	}{
		{metadata.V4_4_IV1, 3000, 42, own},
		{metadata.V4_4_IV2, 3000, 42, own},
		{metadata.V4_4_IV1, 77, 35, old},
		{metadata.V4_4_IV1, 3001, 35, old},
		{metadata.V4_4_IV2, 77, 136, "Controller ID 77 is not currently registered."},
		{metadata.V4_4_IV2, -1, 136, "Controller ID -1 is not currently registered."},
	} {
		d := newTestDriver(t, threeVoters)
		d.log.peers = []Peer{peer(t, 3001, 1)}
		d.advance(upkeepInterval)
		d.apply(&record.FeatureLevel{Name: metadata.FeatureMetadata, Level: int16(test.level)})
		n := len(d.log.All)
		code, message := d.unregisterController(test.id)
		if code != test.code || message != test.message {
			t.Errorf("%+v: %d %q", test, code, message)
		}
		wantLog(t, d.log.All[n:])
	}
}
