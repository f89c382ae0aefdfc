package security

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/realm"
)

// hello is the first frame of a controller to another one (raftlog/frame.go), with all that an
// insider of the cluster can know.
func (c *cluster) hello() []byte {
	id := c.q.Nodes()[0]
	b := []byte{1, 0, 2} // a hello of protocol version 2
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.q.ClusterID())))
	b = append(b, c.q.ClusterID()...)
	b = binary.BigEndian.AppendUint32(b, uint32(id)+1) // from
	b = binary.BigEndian.AppendUint32(b, uint32(id))   // to
	b = append(b, make([]byte, 3*16)...)               // directory, incarnation, token
	b = append(b, make([]byte, 4+4+1+3*8)...)          // starts, salt, founding, the log's end
	return append(b, 0, 0, 0, 0, 0, 0)                 // no voters, no info
}

// falsePeers are clients that claim to be controllers.
func (c *cluster) falsePeers(t *testing.T) {
	const denied = "may not act as a controller"
	for _, d := range doors {
		login := c.r.Login(realm.Bob, d.Protocol, d.Mechanisms...)
		for kind := range byte(12) {
			frame := c.hello()
			frame[0] = kind
			answer := c.sayAsPeer(t, login, d.Name, frame)
			// What a refusal may say: neither the cluster's id nor anything of its log.
			if len(answer) > 0 && (bytes.Contains(answer, []byte(c.q.ClusterID())) ||
				!strings.Contains(string(answer), denied) &&
					!strings.Contains(string(answer), "controllers are not served here")) {
				t.Errorf("frame of kind %d at %s: got %q", kind, d.Name, answer)
			}
		}
	}
	// The same frame has another answer for one who may act as a controller, who is then dialled.
	admin := c.sayAsPeer(t, c.r.Login(realm.Controller, realm.SSL), "MTLS", c.hello())
	if len(admin) == 0 || strings.Contains(string(admin), denied) {
		t.Errorf("a controller's principal: got %q", admin)
	}
}

// sayAsPeer sends a frame of the peers' protocol and returns the answer.
func (c *cluster) sayAsPeer(
	t *testing.T, login *realm.Login, door string, body []byte,
) []byte {
	t.Helper()
	nc, err := login.Connect(t.Context(), c.door(door))
	if err != nil {
		t.Errorf("%s: %v", login.Name, err)
		return nil
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(2 * time.Second))
	frame := binary.BigEndian.AppendUint32(nil, uint32(10+len(body)))
	frame = binary.BigEndian.AppendUint16(frame, peers)
	frame = append(frame, 0, 0, 0, 0, 0, 1, 0xff, 0xff)
	if _, err := nc.Write(append(frame, body...)); err != nil {
		return nil
	}
	answer, err := realm.ReadFrame(nc)
	if err != nil && !errors.Is(err, io.EOF) && !isTimeout(err) {
		t.Logf("%s: %v", login.Name, err)
	}
	return answer
}
