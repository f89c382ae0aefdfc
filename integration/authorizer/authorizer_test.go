package authorizer

import (
	"testing"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const (
	questionsPerSet = 100
	entriesPerSet   = 40
)

// set is one set of entries, while questions are asked.
type set struct {
	dice
	t          *testing.T
	kafka      *apache
	superUsers []string
	authorizer *acls.Authorizer
	img        *metadata.Image
	entries    map[acls.Binding]protocol.UUID
	asked      []decided
}

// decided is a question with our decision, at which there was an image.
type decided struct {
	question
	acls.Decision
	img *metadata.Image
}

// TestDecisionsAreKafkas asks both the same questions of each set, between additions and removals
// of entries.
func TestDecisionsAreKafkas(t *testing.T) {
	kafka := startApache(t)
	allowed, failed := 0, 0
	for i := range uint64(*sets) {
		s := newSet(t, kafka, *seed+i)
		for range questionsPerSet {
			if s.IntN(4) == 0 {
				s.change()
			}
			s.ask()
		}
		kafka.send()
		for _, d := range s.asked {
			if d.Allowed {
				allowed++
			}
			if kafka.allowed() != d.Allowed {
				failed++
				t.Errorf("seed %d: %v: ours is %t, by entry %v; super users %q, entries:\n%s", *seed+i,
					d.question, d.Allowed, d.Entry, s.superUsers, about(d))
			}
		}
		if failed > 10 {
			t.Fatal("too many differences")
		}
	}
	t.Logf("%d sets from seed %d, %d questions each: %d allowed, %d differences", *sets, *seed,
		questionsPerSet, allowed, failed)
}

// about lists the entries about the resource of a question.
func about(d decided) (text string) {
	filter := acls.Filter{ResourceType: d.ResourceType, ResourceName: &d.ResourceName,
		PatternType: 2, Operation: 1, PermissionType: 1}
	if d.some {
		filter.ResourceName = nil
	}
	budget := d.img.ACLCount()
	found, _ := filter.Select(d.img, &budget)
	for _, e := range found {
		text += acls.EntryText(e) + "\n"
	}
	return text
}

// newSet configures both and loads the first entries, as those of a snapshot.
func newSet(t *testing.T, kafka *apache, seed uint64) *set {
	s := &set{
		dice: newDice(seed), t: t, kafka: kafka, img: metadata.Empty(),
		entries: map[acls.Binding]protocol.UUID{},
	}
	for range s.IntN(3) {
		s.superUsers = append(s.superUsers, s.of("User:root", "User:a", "Group:a", "User:CN=a,O=b:c"))
	}
	everyone := s.IntN(2) == 0
	s.authorizer = acls.NewAuthorizer(s.superUsers, everyone)
	kafka.configure(s.superUsers, everyone)
	var first []*record.AccessControlEntry
	for range s.IntN(entriesPerSet) {
		if e := s.newEntry(); e != nil {
			first = append(first, e)
			s.replay(e)
		}
	}
	kafka.load(first)
	return s
}

// newEntry returns a random entry, nil if there is one with the same content.
func (s *set) newEntry() *record.AccessControlEntry {
	b := s.binding()
	if _, exists := s.entries[b]; exists {
		return nil
	}
	s.entries[b] = s.id()
	return b.Entry(s.entries[b])
}

func (s *set) replay(r record.Record) {
	e := s.img.Edit()
	if err := e.Read(s.img.EndOffset(), r); err != nil {
		s.t.Fatal(err)
	}
	s.img = e.Done(s.img.EndOffset()+1, 1, 0)
}

// change adds or removes an entry.
func (s *set) change() {
	if s.IntN(2) == 0 {
		if e := s.newEntry(); e != nil {
			s.kafka.add(e)
			s.replay(e)
		}
		return
	}
	for _, e := range s.img.ACLs() {
		if s.IntN(4) == 0 {
			delete(s.entries, acls.BindingOf(e))
			s.kafka.remove(e.ID)
			s.replay(&record.RemoveAccessControlEntry{ID: e.ID})
			return
		}
	}
}

func (s *set) ask() {
	q := s.question()
	s.kafka.ask(q)
	d := decided{question: q, img: s.img}
	if q.some {
		d.Allowed = s.authorizer.AllowsAny(s.img, q.principal, q.address.String(), q.Operation,
			q.ResourceType)
	} else {
		d.Decision = s.authorizer.Decide(s.img, q.principal, q.address.String(), q.Action)
	}
	s.asked = append(s.asked, d)
}

// TestSupportedOperationsAreKafkas compares the bit fields of authorized operations of one who may
// do everything.
func TestSupportedOperationsAreKafkas(t *testing.T) {
	kafka := startApache(t)
	for resourceType := acls.Topic; resourceType <= acls.User; resourceType++ {
		kafka.askSupported(resourceType)
	}
	kafka.send()
	var everything *acls.Authorizer
	for resourceType := acls.Topic; resourceType <= acls.User; resourceType++ {
		got := everything.AuthorizedOperations(metadata.Empty(), "User:a", "10.0.0.1", resourceType, "x")
		if want := kafka.bits(); got != want {
			t.Errorf("type %d: %#x, Kafka has %#x", resourceType, got, want)
		}
	}
}
