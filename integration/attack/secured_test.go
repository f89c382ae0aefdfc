package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// Attacks by strangers on a secured node, before they have authenticated. The good client is a
// broker that connects by TLS with a certificate.
func TestYAKtAttackOnASecuredNode(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	v := startVictims(t, 1, kafka.ControllerOptions{Realm: r, FormatArgs: realm.AddScram(),
		Listeners: []realm.Listener{
			{Name: "MTLS", Protocol: realm.SSL},
			{Name: "SASL", Protocol: realm.SASLSSL, Mechanisms: realm.Mechanisms},
			{Name: "OPEN", Protocol: realm.SASLPlaintext, Mechanisms: realm.Mechanisms},
		}})
	v.asked.Key, v.asked.Trusted = r.KeyFile(realm.Admin), r.TrustFile()
	for _, a := range securedAttacks(t, v, r) {
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

const (
	halfOpen = 10_000 // handshakes that begin and do not end
	// newcomersLost is how many of some 60 new connections a flood of handshakes may cost a broker,
	// which opens them again; what it has open is served as ever.
	newcomersLost = 15
)

func securedAttacks(t *testing.T, v *victim, r *realm.Realm) (all []attack) {
	hello := clientHello(t, r)
	at := func(door string, a attack) {
		a.name += " at " + door
		a.at = v.q.EndpointOf(v.id, door)
		all = append(all, a)
	}
	flood := func(door string, a attack) {
		a.refusals = newcomersLost
		at(door, a)
	}
	flood("MTLS", opening(halfOpen, hello[:len(hello)/2], "half of a TLS hello"))
	flood("MTLS", opening(halfOpen, hello, "a TLS hello, and nothing after the answer"))
	flood("SASL", opening(halfOpen, nil, "no TLS hello"))
	at("SASL", shaking(20, r))
	at("MTLS", cutting(20, hello))
	at("OPEN", opening(halfOpen, saslHandshake(realm.Plain), "half of an authentication"))
	at("OPEN", tokens("announced tokens of 100 MiB", 2000, announced(100<<20)))
	at("OPEN", tokens("tokens of 400 KiB", 200, authenticate(make([]byte, 400<<10))))
	at("OPEN", guessing("PLAIN", 20, realm.Plain, plainMessage("admin", "guess")))
	at("OPEN", guessing("SCRAM", 20, realm.Scram512, []byte("n,,n=admin,r="+nonce)))
	at("OPEN", guessing("OAUTHBEARER", 20, realm.OAuthBearer, bearerMessage(32<<10)))
	all = append(all, guessingHTTP(20, v.httpAddr()))
	return all
}

const nonce = "fyko+d2lbbFgONRv9qkxdawL"

// clientHello is the first message of a client of TLS.
func clientHello(t *testing.T, r *realm.Realm) []byte {
	t.Helper()
	var out bytes.Buffer
	near, far := net.Pipe()
	go func() {
		_ = tls.Client(near, r.TLS()).HandshakeContext(t.Context())
	}()
	head := make([]byte, 5)
	for _, part := range [][]byte{head, nil} {
		if part == nil {
			part = make([]byte, binary.BigEndian.Uint16(head[3:]))
		}
		if _, err := far.Read(part); err != nil {
			t.Fatal(err)
		}
		out.Write(part)
	}
	far.Close()
	return out.Bytes()
}

// opening is a crowd in which each client sends the beginning of an authentication, and no more.
func opening(n int, beginning []byte, what string) attack {
	return attack{name: fmt.Sprintf("%d times %s", n, what),
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(beginning) })
			<-ctx.Done()
		}}
}

// repeat has n clients repeat a conversation, each time on a new connection, until ctx ends.
func repeat(ctx context.Context, a *kafka.Attacker, n int, converse func(nc net.Conn)) {
	a.CrowdFrom(ctx, n, n, func(first net.Conn) {
		first.Close()
		for from := 1; ctx.Err() == nil; from++ {
			nc, err := kafka.Dial(ctx, a.Addr, 1+from%n)
			if err != nil {
				continue // there may be no room at present
			}
			stop := context.AfterFunc(ctx, func() { nc.Close() })
			converse(nc)
			stop()
			nc.Close()
		}
	})
	<-ctx.Done()
}

// shaking completes handshakes as fast as it can, which costs the server's processor the most.
func shaking(n int, r *realm.Realm) attack {
	config := r.TLS()
	return attack{name: "a storm of handshakes",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			repeat(ctx, a, n, func(nc net.Conn) {
				_ = tls.Client(nc, config.Clone()).HandshakeContext(ctx)
			})
		}}
}

// cutting ends handshakes in the middle as fast as it can.
func cutting(n int, hello []byte) attack {
	return attack{name: "a storm of cut handshakes",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			answer := make([]byte, 512)
			repeat(ctx, a, n, func(nc net.Conn) {
				_, _ = nc.Write(hello)
				_, _ = nc.Read(answer)
			})
		}}
}

func saslHandshake(mechanism string) []byte {
	req := kafka.WithVersion(kmsg.NewPtrSASLHandshakeRequest(), 1)
	req.Mechanism = mechanism
	return kafka.Frame(req)
}

func authenticate(token []byte) []byte {
	req := kafka.WithVersion(kmsg.NewPtrSASLAuthenticateRequest(), 2)
	req.SASLAuthBytes = token
	return kafka.Frame(req)
}

// announced is the beginning of a frame of that many bytes.
func announced(size int) []byte {
	whole := authenticate(make([]byte, 1<<10))
	binary.BigEndian.PutUint32(whole, uint32(size))
	return whole
}

// tokens is a crowd that chooses a mechanism and sends a token.
func tokens(name string, n int, token []byte) attack {
	return attack{name: name, do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.Crowd(ctx, n, func(nc net.Conn) {
			if _, err := nc.Write(saslHandshake(realm.Plain)); err == nil {
				_, _ = kafka.SkipFrame(nc)
				_, _ = nc.Write(token)
			}
		})
		<-ctx.Done()
	}}
}

func plainMessage(user, password string) []byte { return []byte("\x00" + user + "\x00" + password) }

// bearerMessage is a token of that size that nobody has signed.
func bearerMessage(size int) []byte {
	return []byte("n,,\x01auth=Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImtpZC0xIn0." +
		strings.Repeat("e", size) + ".AAAA\x01\x01")
}

// guessing authenticates with a wrong message as fast as it can.
func guessing(what string, n int, mechanism string, message []byte) attack {
	frames := [][]byte{saslHandshake(mechanism), authenticate(message)}
	return attack{name: "a storm of wrong credentials by " + what,
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			repeat(ctx, a, n, func(nc net.Conn) {
				for _, f := range frames {
					if _, err := nc.Write(f); err != nil {
						return
					}
					if _, err := kafka.SkipFrame(nc); err != nil {
						return
					}
				}
			})
		}}
}

// guessingHTTP tries passwords over HTTP, where each costs the server thousands of hashes.
func guessingHTTP(n int, addr string) attack {
	return attack{name: "a storm of wrong passwords over HTTP", at: addr,
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			repeat(ctx, a, n, func(nc net.Conn) {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet,
					"http://localhost/v1/topics", nil)
				if err != nil {
					return
				}
				req.SetBasicAuth("admin", "guess")
				answer := make([]byte, 4<<10)
				if req.Write(nc) == nil {
					_, _ = nc.Read(answer)
				}
			})
		}}
}
