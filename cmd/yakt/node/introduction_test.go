package node

import (
	"net"
	"reflect"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata/record"
)

// TestIntroductions: peers hear where a node serves HTTP; brokers and the log do not.
func TestIntroductions(t *testing.T) {
	t.Parallel()
	registration := record.RegisterController{ControllerID: 7, Endpoints: []record.Endpoint{
		{Name: "CONTROLLER", Host: "node-7", Port: 9093},
	}}
	for listen, want := range map[string]string{
		"": "", "127.0.0.1": "127.0.0.1", "0.0.0.0": "node-7",
	} {
		n := &Node{registration: registration, cfg: &config.Config{}}
		if listen != "" {
			l, err := net.Listen("tcp4", listen+":0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			n.http = &httpServer{listeners: []net.Listener{l}}
			n.cfg.HTTP.Listeners = []config.HostPort{{Host: listen}}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			want = net.JoinHostPort(want, port)
		}
		info, err := n.introduction()
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range [][]byte{info, registrationOf(info)} {
			r, http, err := introduced(told)
			if err != nil || http != want || !reflect.DeepEqual(r.Endpoints, registration.Endpoints) {
				t.Errorf("%q: introduced as %+v, HTTP at %q, %v", listen, r, http, err)
			}
			want = "" // registrationOf has taken it out
		}
	}
}

// TestStrangeIntroductions: what is not understood is an error for who reads it, and is passed on
// for the controller to report.
func TestStrangeIntroductions(t *testing.T) {
	t.Parallel()
	other, err := record.Append(nil, &record.NoOp{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range [][]byte{nil, {1, 2, 3}, other} {
		if _, _, err := introduced(info); err == nil {
			t.Errorf("% x is understood", info)
		}
		if got := registrationOf(info); string(got) != string(info) {
			t.Errorf("% x became % x", info, got)
		}
	}
}
