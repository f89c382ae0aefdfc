package security

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
	"github.com/yakt/yakt/security/certs/certstest"
)

const (
	scanners  = 32               // at the same time
	silence   = 20 * time.Second // after which a connection counts as left open
	unknown   = 900              // an API key that nobody has
	peers     = 32000            // the API key of controllers among themselves
	addresses = 200              // that the scanners connect from
)

// probe is a request without authentication.
type probe struct {
	name  string
	frame []byte
	key   int16
	of    kmsg.Request // nil: no request of Kafka's
}

// probes are the requests of every API key and version, one version too many of each, and unknown
// keys.
func probes() (all []probe) {
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		for version := int16(0); req != nil && version <= req.MaxVersion(); version++ {
			req := kafka.WithVersion(kmsg.RequestForKey(key), version)
			all = append(all, probe{fmt.Sprintf("%s v%d", kmsg.NameForKey(key), version),
				kafka.Frame(req), key, req})
		}
		if req != nil {
			all = append(all, probe{kmsg.NameForKey(key) + " of no version",
				kafka.RawFrame(key, req.MaxVersion()+20, []byte{0}), key, nil})
		}
	}
	for _, key := range []int16{-1, unknown, peers, 32767} {
		for version := range int16(3) {
			all = append(all, probe{fmt.Sprintf("key %d v%d", key, version),
				kafka.RawFrame(key, version, make([]byte, 64)), key, nil})
		}
	}
	return all
}

// each runs do for every probe, many at a time.
func each(all []probe, do func(i int, p probe)) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, scanners)
	for i, p := range all {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			do(i, p)
		})
	}
	wg.Wait()
}

// stranger is a login without credentials.
func (c *cluster) stranger(d realm.Listener) *realm.Login {
	l := &realm.Login{Name: "a stranger at " + d.Name}
	if d.IsTLS() {
		l.TLS = c.r.TLS()
	}
	return l
}

// scan sends every request to every door without authentication: none is answered but those that
// begin one.
func (c *cluster) scan(t *testing.T) {
	for _, d := range doors {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			c.scanFresh(t, d)
			if len(d.Mechanisms) > 0 {
				c.scanHalf(t, d)
			}
		})
	}
}

// scanFresh sends requests on new connections.
func (c *cluster) scanFresh(t *testing.T, d realm.Listener) {
	answered := 0
	var mu sync.Mutex
	all := probes()
	each(all, func(i int, p probe) {
		got, err := c.converse(t.Context(), d, i, nil, p.frame)
		begins := len(d.Mechanisms) > 0 && (p.key == int16(kmsg.ApiVersions) ||
			p.key == int16(kmsg.SASLHandshake) && p.of != nil)
		mu.Lock()
		defer mu.Unlock()
		if len(got) > 0 {
			answered++
		}
		if begins != (len(got) > 0) || !begins && err != nil {
			t.Errorf("%s: got %d bytes: %.60x (%v)", p.name, len(got), got, err)
		}
	})
	t.Logf("%d requests, %d answered", len(all), answered)
}

// scanHalf sends requests after the choice of a mechanism: all that Kafka may answer is that the
// client must authenticate first.
func (c *cluster) scanHalf(t *testing.T, d realm.Listener) {
	hello := kafka.WithVersion(kmsg.NewPtrSASLHandshakeRequest(), 1)
	hello.Mechanism = d.Mechanisms[0]
	each(probes(), func(i int, p probe) {
		if p.key == int16(kmsg.SASLAuthenticate) || p.key == int16(kmsg.ApiVersions) {
			return
		}
		got, err := c.converse(t.Context(), d, i, kafka.Frame(hello), p.frame)
		if err != nil || len(got) > 0 && !refuses(p, got) {
			t.Errorf("%s after a handshake: got %d bytes: %.60x (%v)", p.name, len(got), got, err)
		}
	})
}

// refuses reports whether a frame says nothing but that the client must authenticate first. If the
// response has no place for an error, Kafka sends an empty one.
func refuses(p probe, frame []byte) bool {
	if p.of == nil {
		return false
	}
	resp := p.of.ResponseKind()
	body := frame[4+4:]
	if resp.IsFlexible() {
		body = body[1:]
	}
	if resp.ReadFrom(body) != nil {
		return false
	}
	v := reflect.ValueOf(resp).Elem()
	if code := v.FieldByName("ErrorCode"); code.IsValid() {
		return code.Int() == int64(kerr.IllegalSaslState.Code)
	}
	return saysNothing(v)
}

// saysNothing reports whether a response has no values but defaults and ILLEGAL_SASL_STATE, with
// its message.
func saysNothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if name != "Version" && name != "UnknownTags" && name != "ErrorMessage" &&
				!saysNothing(v.Field(i)) {
				return false
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if !saysNothing(v.Index(i)) {
				return false
			}
		}
	case reflect.Pointer:
		return v.IsNil() || saysNothing(v.Elem())
	case reflect.String:
		return v.Len() == 0
	case reflect.Bool:
		return !v.Bool()
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int() <= 0 || v.Int() == int64(kerr.IllegalSaslState.Code)
	}
	return true
}

// converse sends a frame and returns what the server says until it closes the connection. opening
// is sent before, and its answer read. An answered connection need not be closed.
func (c *cluster) converse(
	ctx context.Context, d realm.Listener, from int, opening, frame []byte,
) (answer []byte, err error) {
	raw, err := kafka.Dial(ctx, c.door(d.Name), 1+from%addresses)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(silence))
	nc, err := c.stranger(d).Secure(ctx, raw)
	if err != nil {
		return nil, nil // TLS 1.2 tells a client in the handshake that it has no certificate
	}
	if opening != nil {
		if _, err := nc.Write(opening); err != nil {
			return nil, err
		}
		if _, err := realm.ReadFrame(nc); err != nil {
			return nil, err
		}
	}
	if _, err := nc.Write(frame); err != nil {
		return nil, nil
	}
	return until(nc)
}

// until reads one frame, or what comes before the connection is closed.
func until(nc net.Conn) ([]byte, error) {
	head := make([]byte, 4)
	if n, err := io.ReadFull(nc, head); err != nil {
		if isTimeout(err) {
			return head[:n], err
		}
		return head[:n], nil
	}
	rest := make([]byte, 64<<10)
	n, _ := nc.Read(rest)
	return append(head, rest[:n]...), nil
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// versions offers each version of TLS, with a good certificate: the old ones are refused.
func (c *cluster) versions(t *testing.T) {
	for _, d := range doors {
		if !d.IsTLS() {
			continue
		}
		for _, v := range []struct {
			version uint16
			want    bool
		}{{tls.VersionTLS10, false}, {tls.VersionTLS11, false}, {tls.VersionTLS12, true},
			{tls.VersionTLS13, true}} {
			login := c.r.Login(realm.Admin, d.Protocol, d.Mechanisms...)
			login.TLS.MinVersion, login.TLS.MaxVersion = v.version, v.version
			if err := c.tryLogin(t, login, d); v.want != (err == nil) {
				t.Errorf("%s at %s: %v", tls.VersionName(v.version), d.Name, err)
			}
		}
	}
}

// tryLogin logs in and has one request answered.
func (c *cluster) tryLogin(t *testing.T, login *realm.Login, d realm.Listener) error {
	nc, err := login.Connect(t.Context(), c.door(d.Name))
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(silence))
	_, err = realm.Ask(nc, kmsg.NewPtrDescribeClusterRequest(), 1)
	return err
}

// certificates that nobody trusts are refused at the door for certificates.
func (c *cluster) certificates(t *testing.T) {
	other := certstest.NewCA(t, "the authority") // another key
	for name, pair := range map[string]*certstest.Pair{
		"another authority": other.Issue(t, certstest.CN(realm.Admin)),
		"an authority":      &other.Pair,
	} {
		login := c.stranger(doors[0])
		login.TLS.Certificates = []tls.Certificate{pair.TLS()}
		if err := c.tryLogin(t, login, doors[0]); err == nil {
			t.Errorf("a certificate of %s is accepted", name)
		}
	}
}

// noise sends bytes that are no protocol to every door.
func (c *cluster) noise(t *testing.T) {
	for _, d := range doors {
		for name, sent := range noises() {
			nc, err := net.Dial("tcp", c.door(d.Name))
			if err != nil {
				t.Fatal(err)
			}
			_ = nc.SetDeadline(time.Now().Add(silence))
			_, _ = nc.Write(sent)
			_ = nc.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(nc)
			nc.Close()
			if isTimeout(err) || len(got) > alertMax {
				t.Errorf("%s at %s: got %d bytes (%v)", name, d.Name, len(got), err)
			}
		}
	}
}

// alertMax is more than a TLS alert has.
const alertMax = 64

func noises() map[string][]byte {
	random := make([]byte, 64<<10)
	rand.Read(random)
	return map[string][]byte{
		"nothing":          {},
		"noise":            random,
		"HTTP":             []byte("GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"a TLS hello, cut": {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
		"a huge record":    append([]byte{0x16, 0x03, 0x03, 0xff, 0xff}, random...),
		"SSL 2":            {0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10},
		"an endless frame": append([]byte{0x7f, 0xff, 0xff, 0xff}, random...),
	}
}
