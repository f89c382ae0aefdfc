package certs

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security/certs/certstest"
)

// open parses keys and opens their store; both must succeed.
func open(t testing.TB, keys map[string]string, o Options) *Store {
	t.Helper()
	s, problems := Parse(keys)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(&logtest.Buffer{}, nil))
	}
	store, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// tcp is a connection on loopback: unlike net.Pipe it holds what the other side has not read.
func tcp(t testing.TB) (one, two net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if one, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if two, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return one, two
}

// handshake connects a client to a server.
func handshake(t testing.TB, server, client *tls.Config) (atServer, atClient tls.ConnectionState,
	serverErr, clientErr error) {
	t.Helper()
	one, two := tcp(t)
	defer one.Close()
	defer two.Close()
	deadline := time.Now().Add(10 * time.Second)
	one.SetDeadline(deadline)
	two.SetDeadline(deadline)
	s, c := tls.Server(one, server), tls.Client(two, client)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if serverErr = s.Handshake(); serverErr == nil {
			_, serverErr = s.Write([]byte{1})
		}
		s.Close()
	}()
	if clientErr = c.Handshake(); clientErr == nil {
		_, clientErr = io.ReadFull(c, make([]byte, 1)) // a server of 1.3 checks us after that
	}
	two.Close()
	<-done
	return s.ConnectionState(), c.ConnectionState(), serverErr, clientErr
}

// with returns keys and more.
func with(keys map[string]string, more ...string) map[string]string {
	all := make(map[string]string, len(keys)+len(more)/2)
	for k, v := range keys {
		all[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestNodesKnowEachOtherInEveryFormat(t *testing.T) {
	t.Parallel()
	root := certstest.NewCA(t, "root")
	ca := root.Intermediate(t, "issuer")
	for _, format := range []string{certstest.PEM, certstest.PKCS12, certstest.JKS} {
		for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
			t.Run(format+" "+version, func(t *testing.T) {
				t.Parallel()
				pair := ca.Issue(t, certstest.CN("node-1", "node1.example"))
				keys := with(root.Files(t, t.TempDir(), "node", format, pair),
					"ssl.client.auth", "required", "ssl.enabled.protocols", version)
				store := open(t, keys, Options{Use: ForPeers})
				server, client, err, err2 := handshake(t, store.Server(),
					store.Client("node1.example"))
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				if client.Version != versions[version] || len(client.PeerCertificates) != 2 {
					t.Errorf("version %x, %d certificates", client.Version,
						len(client.PeerCertificates))
				}
				who, err := store.Principal(server)
				if err != nil || who.Principal != "User:CN=node-1" {
					t.Errorf("principal %+v, %v", who, err)
				}
				if _, _, _, err := handshake(t, store.Server(), store.Client("other.example")); err == nil {
					t.Error("the client accepted a server of another name")
				}
			})
		}
	}
}

func TestErrorsAreOfTheirType(t *testing.T) {
	t.Parallel()
	s, _ := Parse(nil)
	_, err := Open(s, Options{})
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Key != "ssl.keystore.location" {
		t.Errorf("%T %v", err, err)
	}
}
