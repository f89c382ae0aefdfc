package authorizer

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// apache is Kafka's authorizer in a Java process (testdata/Decide.java).
type apache struct {
	t   testing.TB
	in  *bufio.Writer
	out *bufio.Reader
}

func startApache(t testing.TB) *apache {
	t.Helper()
	program := kafka.CompileJava(t, kafka.Newest, filepath.Join("testdata", "Decide.java"), "Decide")
	in, out := program.Start(t, []string{"-Dlog4j2.level=OFF", "-Xmx256m"})
	return &apache{t, bufio.NewWriterSize(in, 1<<16), bufio.NewReader(out)}
}

func (a *apache) put(b ...byte) {
	if _, err := a.in.Write(b); err != nil {
		a.t.Fatal(err)
	}
}

func (a *apache) text(s string) {
	a.put(binary.BigEndian.AppendUint32(nil, uint32(len(s)))...)
	a.put([]byte(s)...)
}

func (a *apache) configure(superUsers []string, allowEveryone bool) {
	a.put('c')
	a.text(strings.Join(superUsers, ";"))
	if allowEveryone {
		a.put(1)
	} else {
		a.put(0)
	}
}

func (a *apache) load(entries []*record.AccessControlEntry) {
	a.put('l')
	a.put(binary.BigEndian.AppendUint32(nil, uint32(len(entries)))...)
	for _, e := range entries {
		a.entry(e)
	}
}

func (a *apache) add(e *record.AccessControlEntry) {
	a.put('+')
	a.entry(e)
}

func (a *apache) entry(e *record.AccessControlEntry) {
	a.put(e.ID[:]...)
	a.put(byte(e.ResourceType))
	a.text(e.ResourceName)
	a.put(byte(e.PatternType))
	a.text(e.Principal)
	a.text(e.Host)
	a.put(byte(e.Operation), byte(e.PermissionType))
}

func (a *apache) remove(id protocol.UUID) {
	a.put('-')
	a.put(id[:]...)
}

func (a *apache) ask(q question) {
	command := byte('?')
	if q.some {
		command = 'a'
	}
	a.put(command)
	a.text(q.principal)
	a.address(q.address)
	a.put(byte(q.Operation), byte(q.ResourceType))
	if !q.some {
		a.text(q.ResourceName)
	}
}

func (a *apache) address(addr netip.Addr) {
	bytes := addr.AsSlice()
	scope := int64(-1)
	if zone := addr.Zone(); zone != "" {
		var err error
		if scope, err = strconv.ParseInt(zone, 10, 32); err != nil {
			a.t.Fatal(err)
		}
	}
	a.put(byte(len(bytes)))
	a.put(bytes...)
	a.put(binary.BigEndian.AppendUint32(nil, uint32(int32(scope)))...)
}

func (a *apache) askSupported(resourceType int8) { a.put('s', byte(resourceType)) }

// send sends all that has been written, after which its answers can be read. There must not be so
// many that both processes wait for each other's pipe.
func (a *apache) send() {
	a.put('f')
	if err := a.in.Flush(); err != nil {
		a.t.Fatal(err)
	}
}

func (a *apache) allowed() bool {
	a.t.Helper()
	b, err := a.out.ReadByte()
	if err != nil {
		a.t.Fatalf("no answer: %v", err)
	}
	return b == 1
}

func (a *apache) bits() int32 {
	a.t.Helper()
	var b [4]byte
	if _, err := io.ReadFull(a.out, b[:]); err != nil {
		a.t.Fatalf("no answer: %v", err)
	}
	return int32(binary.BigEndian.Uint32(b[:]))
}
