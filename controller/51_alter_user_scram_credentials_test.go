package controller

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
)

func upsertion(user string, mechanism int8) kmsg.AlterUserSCRAMCredentialsRequestUpsertion {
	return kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
		Name: user, Mechanism: mechanism, Iterations: 4096, Salt: []byte("salt"),
		SaltedPassword: []byte("salted password"),
	}
}

func (d *testDriver) alterScram(
	deletions []kmsg.AlterUserSCRAMCredentialsRequestDeletion,
	upsertions ...kmsg.AlterUserSCRAMCredentialsRequestUpsertion,
) []kmsg.AlterUserSCRAMCredentialsResponseResult {
	d.t.Helper()
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	req.Deletions, req.Upsertions = deletions, upsertions
	return d.answer(req).(*kmsg.AlterUserSCRAMCredentialsResponse).Results
}

// TestScramKeys has the example of RFC 7677 (user "user", password "pencil"): the salted password,
// and the keys with which a server computes the signature that is printed there.
func TestScramKeys(t *testing.T) {
	t.Parallel()
	salted, err := hex.DecodeString(
		"c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d")
	if err != nil {
		t.Fatal(err)
	}
	stored, server := scramKeys(scramSHA256, salted)
	if got := hex.EncodeToString(stored); got !=
		"586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6" {
		t.Errorf("stored key %s", got)
	}
	if got := hex.EncodeToString(server); got !=
		"c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5" {
		t.Errorf("server key %s", got)
	}
}

func TestAlterUserScramCredentials(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	few, many, empty := upsertion("few", 1), upsertion("many", 1), upsertion("empty", 1)
	few.Iterations, many.Iterations, empty.SaltedPassword = 4095, 16385, nil
	got := d.alterScram(
		[]kmsg.AlterUserSCRAMCredentialsRequestDeletion{
			{Name: "gone", Mechanism: 1}, {Name: "bad", Mechanism: 3},
			{Name: "gone", Mechanism: 1},
		},
		upsertion("", 1), upsertion("ok", 1), upsertion("unknown", 0), few, many, empty,
		upsertion("twice", 1), upsertion("twice", 2), upsertion("bad", 1), upsertion("last", 2),
	)
	want := []struct {
		user, text string
		code       *kerr.Error
	}{
		{"ok", "", nil},
		{"last", "", nil},
		{"gone", "Attempt to delete a user credential that does not exist", kerr.ResourceNotFound},
		{"bad", "Unknown SCRAM mechanism", kerr.UnsupportedSaslMechanism},
		{"", "Username must not be empty", kerr.UnacceptableCredential},
		{"unknown", "Unknown SCRAM mechanism", kerr.UnsupportedSaslMechanism},
		{"few", "Too few iterations", kerr.UnacceptableCredential},
		{"many", "Too many iterations", kerr.UnacceptableCredential},
		{"empty", "The salted password must not be empty", kerr.UnacceptableCredential},
		{"twice", "A user credential cannot be altered twice in the same request",
			kerr.DuplicateResource},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		g := got[i]
		switch {
		case g.User != w.user:
			t.Errorf("answer %d is about %q, want %q", i, g.User, w.user)
		case w.code == nil && (g.ErrorCode != 0 || g.ErrorMessage != nil):
			t.Errorf("%s: %d", g.User, g.ErrorCode)
		case w.code != nil && (g.ErrorCode != w.code.Code || *g.ErrorMessage != w.text):
			t.Errorf("%s: %d %v", g.User, g.ErrorCode, *g.ErrorMessage)
		}
	}
	c := d.Image().ScramCredential(1, "ok")
	if d.Image().ScramCredentialCount() != 2 || c == nil || c.Iterations != 4096 ||
		string(c.Salt) != "salt" || bytes.Contains(c.StoredKey, []byte("salted")) ||
		len(c.StoredKey) != 32 || len(c.ServerKey) != 32 {
		t.Errorf("the credential is %+v", c)
	}
	if c := d.Image().ScramCredential(2, "last"); len(c.StoredKey) != 64 || len(c.ServerKey) != 64 {
		t.Errorf("keys of %d and %d bytes", len(c.StoredKey), len(c.ServerKey))
	}
	deleted := d.alterScram([]kmsg.AlterUserSCRAMCredentialsRequestDeletion{
		{Name: "ok", Mechanism: 1}}, upsertion("last", 1))
	if len(deleted) != 2 || deleted[0].ErrorCode != 0 || deleted[1].ErrorCode != 0 {
		t.Errorf("%+v", deleted)
	}
}

func TestScramNeedsItsMetadataVersion(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, atVersion(metadata.V3_5_IV2-1))
	for _, r := range d.alterScram([]kmsg.AlterUserSCRAMCredentialsRequestDeletion{{}},
		upsertion("u", 9)) {
		if r.ErrorCode != kerr.UnsupportedVersion.Code ||
			*r.ErrorMessage != "The current metadata.version does not support SCRAM" {
			t.Errorf("%+v", r)
		}
	}
}

func TestDescribeUserScramCredentials(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.alterScram(nil, upsertion("b", 2), upsertion("a", 1))
	d.alterScram(nil, upsertion("b", 1))
	describe := func(users ...string) []kmsg.DescribeUserSCRAMCredentialsResponseResult {
		req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
		for _, u := range users {
			req.Users = append(req.Users, kmsg.DescribeUserSCRAMCredentialsRequestUser{Name: u})
		}
		return d.answer(req).(*kmsg.DescribeUserSCRAMCredentialsResponse).Results
	}
	all := describe()
	if len(all) != 2 || all[0].User != "a" || len(all[0].CredentialInfos) != 1 ||
		all[1].User != "b" || len(all[1].CredentialInfos) != 2 ||
		all[1].CredentialInfos[0].Mechanism != 1 || all[1].CredentialInfos[1].Iterations != 4096 {
		t.Errorf("all: %+v", all)
	}
	some := describe("b", "nobody", "a", "b")
	codes := make([]int16, 0, len(some))
	for _, r := range some {
		codes = append(codes, r.ErrorCode)
	}
	if !slices.Equal(codes, []int16{0, kerr.DuplicateResource.Code, kerr.ResourceNotFound.Code}) ||
		*some[1].ErrorMessage != "Cannot describe SCRAM credentials for the same user twice in a "+
			"single request: b" || some[1].CredentialInfos != nil ||
		*some[2].ErrorMessage != "Attempt to describe a user credential that does not exist: "+
			"nobody" {
		t.Errorf("some: %+v", some)
	}
}
