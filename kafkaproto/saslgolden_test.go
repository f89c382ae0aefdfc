package kafkaproto

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/security/sasl/sasltest"
)

// The transcripts in testdata/sasl.txt are the answers of an Apache Kafka 4.4.0 controller. To
// record them again, start one with two listeners of SASL_PLAINTEXT, the keys of sasltest.Keys for
// both, and for the second
//
//	listener.name.<second>.plain.connections.max.reauth.ms=3600000
//	listener.name.<second>.scram-sha-256.connections.max.reauth.ms=3600000
//
// and run
//
//	go test ./kafkaproto -run SASLTranscripts -sasl-record <first host:port>,<second host:port>
var saslRecord = flag.String("sasl-record", "",
	"host:port of a Kafka controller's listener, and of one with re-authentication")

const saslTranscriptFile = "testdata/sasl.txt"

// saslTranscript is what a client sends on one connection. again says on which listener.
type saslTranscript struct {
	name   string
	again  bool
	frames [][]byte
}

func handshakeFrame(version int16, mechanism string) []byte {
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Mechanism = mechanism
	return request(req, version, 0x1700+int32(version))[4:]
}

func authenticateFrame(version int16, message string) []byte {
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.SASLAuthBytes = []byte(message)
	return request(req, version, 0x3600+int32(version))[4:]
}

func versionsFrame(version int16) []byte {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "apache-kafka-java", "4.4.0"
	data := request(req, min(version, 4), 18)[4:]
	binary.BigEndian.PutUint16(data[2:], uint16(version))
	return data
}

const (
	aliceMessage = "\x00" + sasltest.Alice + "\x00" + sasltest.AlicePassword
	eveMessage   = "\x00eve\x00eve"
)

// plainMessages are messages of PLAIN that fail.
var plainMessages = map[string]string{
	"wrong password":   "\x00alice\x00wrong",
	"unknown user":     "\x00nobody\x00wrong",
	"other authzid":    "eve" + aliceMessage,
	"authzid, wrong":   "eve\x00alice\x00wrong",
	"no user":          "\x00\x00secret",
	"no password":      "\x00alice\x00",
	"two tokens":       "alice\x00secret",
	"four tokens":      "\x00alice\x00secret\x00",
	"five tokens":      "\x00alice\x00secret\x00\x00",
	"nothing":          "",
	"not UTF-8":        "\x00al\xffice\x00secret",
	"option as user":   "\x00\x00user_alice",
	"case of the user": "\x00Alice\x00" + sasltest.AlicePassword,
}

func saslTranscripts() []saslTranscript {
	frames := func(f ...[]byte) [][]byte { return f }
	list := []saslTranscript{
		{"versions, then PLAIN", false, frames(versionsFrame(0), handshakeFrame(1, "PLAIN"),
			authenticateFrame(2, aliceMessage))},
		{"unsupported versions first", false, frames(versionsFrame(99), versionsFrame(3),
			handshakeFrame(1, "PLAIN"), authenticateFrame(0, aliceMessage))},
		{"versions twice", false, frames(versionsFrame(0), versionsFrame(0))},
		{"authenticate first", false, frames(authenticateFrame(1, aliceMessage))},
		{"heartbeat first", false, frames(heartbeat(1)[4:])},
		{"heartbeat after versions", false, frames(versionsFrame(3), heartbeat(1)[4:])},
		{"handshake twice", false, frames(handshakeFrame(1, "PLAIN"), handshakeFrame(1, "PLAIN"))},
		{"versions after the handshake", false, frames(handshakeFrame(1, "PLAIN"),
			versionsFrame(0))},
		{"a token without handshake", false, frames([]byte("\x60\x82\x01\x00\x06\x09"))},
		{"text", false, frames([]byte("GET / HTTP/1.1\r\n\r\n"))},
		{"an empty frame", false, frames([]byte{})},
		{"handshake version 0", false, frames(handshakeFrame(0, "PLAIN"), []byte(aliceMessage))},
		{"handshake version 0, wrong password", false, frames(handshakeFrame(0, "PLAIN"),
			[]byte("\x00alice\x00wrong"))},
		{"handshake version 0, with a header", false, frames(handshakeFrame(0, "PLAIN"),
			authenticateFrame(1, aliceMessage))},
		{"SASL after the authentication", false, frames(handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, aliceMessage), handshakeFrame(1, "PLAIN"),
			authenticateFrame(2, aliceMessage), handshakeFrame(0, "PLAIN"))},
		{"SCRAM: garbage", false, frames(handshakeFrame(1, "SCRAM-SHA-256"),
			authenticateFrame(2, "garbage"))},
		{"SCRAM: channel binding", false, frames(handshakeFrame(1, "SCRAM-SHA-512"),
			authenticateFrame(2, "p=tls-unique,,n=bob,r=abc"))},
		{"OAUTHBEARER: garbage", false, frames(handshakeFrame(1, "OAUTHBEARER"),
			authenticateFrame(2, "garbage"))},
		{"OAUTHBEARER: wrong token", false, frames(handshakeFrame(1, "OAUTHBEARER"),
			authenticateFrame(2, "n,,\x01auth=Bearer a.b.c\x01\x01"),
			authenticateFrame(2, "\x01"))},
		{"again", true, frames(handshakeFrame(1, "PLAIN"), authenticateFrame(2, aliceMessage),
			handshakeFrame(1, "PLAIN"), authenticateFrame(2, aliceMessage),
			handshakeFrame(1, "PLAIN"))},
		{"again as another", true, frames(handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, aliceMessage), handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, eveMessage))},
		{"again with a wrong password", true, frames(handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, aliceMessage), handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, "\x00alice\x00wrong"))},
		{"again by an unknown mechanism", true, frames(handshakeFrame(1, "PLAIN"),
			authenticateFrame(1, aliceMessage), handshakeFrame(1, "NONE"))},
	}
	for v := range int16(2) {
		list = append(list, saslTranscript{fmt.Sprintf("unknown mechanism, v%d", v), false,
			frames(handshakeFrame(v, "NONE"))})
	}
	for _, name := range slices.Sorted(maps.Keys(plainMessages)) {
		for v := range int16(3) {
			list = append(list, saslTranscript{fmt.Sprintf("PLAIN: %s, v%d", name, v), false,
				frames(handshakeFrame(1, "PLAIN"),
					authenticateFrame(v, plainMessages[name]))})
		}
	}
	return list
}

// answers sends a transcript's frames, and returns an answer for each as it is in the file: the
// bytes in hex, "closed", or for a list of API versions the error code alone.
func (tr saslTranscript) answers(t testing.TB, addr string) []string {
	t.Helper()
	c := dial(t, addr)
	var answers []string
	for _, f := range tr.frames {
		c.send(frame(f))
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer := readAnswer(t, c)
		isVersions := len(f) > 2 && f[0] == 0 && f[1] == apiVersionsKey
		if isVersions && len(answer) > 12 {
			answer = answer[:12]
		}
		answers = append(answers, answer)
		if answer == "closed" {
			break
		}
	}
	return answers
}

func readAnswer(t testing.TB, c client) string {
	t.Helper()
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		if isTimeout(err) {
			t.Fatal("no answer")
		}
		return "closed"
	}
	answer := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(answer)
}

// controllerSASL answers as a controller does outside an authentication.
func controllerSASL(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.SASLHandshakeResponse:
		r.ErrorCode = errIllegalSASLState
	case *kmsg.SASLAuthenticateResponse:
		r.ErrorCode = errIllegalSASLState
		r.ErrorMessage = kmsg.StringPtr(
			"SaslAuthenticate request received after successful authentication")
	}
	reply(resp)
}

// TestSASLTranscripts sends what was sent to a Kafka controller, and expects its answers.
func TestSASLTranscripts(t *testing.T) {
	t.Parallel()
	if *saslRecord != "" {
		recordSASL(t)
		return
	}
	recorded := readSASL(t)
	cfg, _ := saslConfig(t, controllerSASL, "plain.connections.max.reauth.ms=0",
		"sasl.enabled.mechanisms="+recorded["mechanisms"][0])
	_, once := start(t, cfg)
	cfg, _ = saslConfig(t, controllerSASL, "plain.connections.max.reauth.ms=3600000",
		"sasl.enabled.mechanisms="+recorded["mechanisms"][0])
	_, again := start(t, cfg)
	for _, tr := range saslTranscripts() {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			addr := once
			if tr.again {
				addr = again
			}
			got, want := tr.answers(t, addr), recorded[tr.name]
			if len(want) == 0 {
				t.Fatal("not recorded")
			}
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("answer %d:\n%q\nwant\n%q", i, got, want)
				}
			}
		})
	}
}

// readSASL reads the file: a line with a name, and then one line for each answer.
func readSASL(t testing.TB) map[string][]string {
	t.Helper()
	file, err := os.Open(saslTranscriptFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recorded, name := make(map[string][]string), ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		answer, ok := strings.CutPrefix(lines.Text(), "  ")
		if !ok {
			name = lines.Text()
			continue
		}
		recorded[name] = append(recorded[name], answer)
	}
	return recorded
}

func recordSASL(t *testing.T) {
	once, again, ok := strings.Cut(*saslRecord, ",")
	if !ok {
		t.Fatal(errors.New("-sasl-record needs two addresses"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "mechanisms\n  %s\n", mechanismsOf(t, once))
	for _, tr := range saslTranscripts() {
		addr := once
		if tr.again {
			addr = again
		}
		fmt.Fprintln(&b, tr.name)
		for _, answer := range tr.answers(t, addr) {
			fmt.Fprintln(&b, "  "+answer)
		}
	}
	if err := os.WriteFile(saslTranscriptFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mechanismsOf asks for the mechanisms of a server in its order, which is that of a hash table.
func mechanismsOf(t testing.TB, addr string) string {
	t.Helper()
	c := dial(t, addr)
	c.send(frame(handshakeFrame(1, "NONE")))
	resp := kmsg.NewPtrSASLHandshakeResponse()
	if err := resp.ReadFrom(c.receive()[4:]); err != nil {
		t.Fatal(err)
	}
	return strings.Join(resp.SupportedMechanisms, ",")
}
