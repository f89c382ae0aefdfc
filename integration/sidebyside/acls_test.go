package sidebyside

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// setACLs makes both clusters have just the ACLs of the input, one a line, as in
//
//	allow User:alice ALTER TOPIC t
//	deny User:* ALL GROUP g prefixed from 10.0.0.0/8
//
// and waits until they are in force. Apache answers before they are.
func (s *script) setACLs(t *testing.T, d *datadriven.TestData) string {
	var list []kmsg.CreateACLsRequestCreation
	for line := range strings.Lines(d.Input) {
		list = append(list, parseACL(t, d, strings.Fields(line)))
	}
	for _, x := range []*side{s.apache, s.ours} {
		x.replaceACLs(list)
	}
	s.done(d.Pos, d.Cmd)
	return ""
}

func parseACL(
	t *testing.T, d *datadriven.TestData, words []string,
) kmsg.CreateACLsRequestCreation {
	t.Helper()
	if len(words) < 5 {
		d.Fatalf(t, "not an ACL: %q", words)
	}
	a := kmsg.NewCreateACLsRequestCreation()
	a.ResourcePatternType, a.Host = kmsg.ACLResourcePatternTypeLiteral, "*"
	a.Principal, a.ResourceName = words[1], words[4]
	var errs [3]error
	a.PermissionType, errs[0] = kmsg.ParseACLPermissionType(words[0])
	a.Operation, errs[1] = kmsg.ParseACLOperation(words[2])
	a.ResourceType, errs[2] = kmsg.ParseACLResourceType(words[3])
	for _, err := range errs {
		if err != nil {
			d.Fatalf(t, "%q: %v", words, err)
		}
	}
	rest := words[5:]
	if len(rest) > 0 && rest[0] == "prefixed" {
		a.ResourcePatternType, rest = kmsg.ACLResourcePatternTypePrefixed, rest[1:]
	}
	if len(rest) == 2 && rest[0] == "from" {
		a.Host = rest[1]
	}
	return a
}

// replaceACLs deletes all ACLs and creates those of the list.
func (s *side) replaceACLs(list []kmsg.CreateACLsRequestCreation) {
	deletion := kafka.WithVersion(kmsg.NewPtrDeleteACLsRequest(), 3)
	every := kmsg.NewDeleteACLsRequestFilter()
	every.ResourceType, every.ResourcePatternType = 1, 1
	every.Operation, every.PermissionType = 1, 1
	deletion.Filters = []kmsg.DeleteACLsRequestFilter{every}
	s.ask(deletion, form{})
	s.awaitACLs(0)
	creation := kafka.WithVersion(kmsg.NewPtrCreateACLsRequest(), 3)
	creation.Creations = list
	_, text := s.ask(creation, form{})
	if strings.Contains(text, "ErrorCode") {
		s.t.Fatalf("%s: creating ACLs: %s", s.name, text)
	}
	s.awaitACLs(len(list))
}

// awaitACLs waits until the authorizer has n ACLs.
func (s *side) awaitACLs(n int) {
	s.t.Helper()
	req := kafka.WithVersion(kmsg.NewPtrDescribeACLsRequest(), 3)
	req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = 1, 1, 1, 1
	kafka.Eventually(s.t, kafka.Patience, fmt.Sprintf("%s has %d ACLs", s.name, n), func() error {
		resp, text := s.ask(req, form{})
		r, ok := resp.(*kmsg.DescribeACLsResponse)
		found := 0
		for i := 0; ok && i < len(r.Resources); i++ {
			found += len(r.Resources[i].ACLs)
		}
		if !ok || r.ErrorCode != 0 || found != n {
			return fmt.Errorf("it has %d: %s", found, text)
		}
		return nil
	})
}

// lock creates the ACLs of the input, after which the connections of the script may do nothing any
// more, and waits until they are in force.
func (s *script) lock(t *testing.T, d *datadriven.TestData) string {
	creation := kafka.WithVersion(kmsg.NewPtrCreateACLsRequest(), 3)
	for line := range strings.Lines(d.Input) {
		creation.Creations = append(creation.Creations, parseACL(t, d, strings.Fields(line)))
	}
	s.locked = true
	probe := kafka.WithVersion(kmsg.NewPtrListPartitionReassignmentsRequest(), 0)
	for _, x := range []*side{s.apache, s.ours} {
		x.ask(creation, form{})
		kafka.Eventually(t, kafka.Patience, x.name+" refuses everything", func() error {
			if _, text := x.ask(probe, form{}); !strings.Contains(text, "ErrorCode: 31") {
				return fmt.Errorf("it answers %s", text)
			}
			return nil
		})
	}
	s.done(d.Pos, d.Cmd)
	return ""
}
