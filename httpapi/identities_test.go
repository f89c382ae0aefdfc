package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestQuotasOverHTTP sets, lists and removes quotas; a dry run and a failure change nothing.
func TestQuotasOverHTTP(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	entity := object{"user": "alice", "clientId": ""}
	dry := s.post("/v1/alter_quota?dryRun=true", object{"entity": entity,
		"set": object{"producer_byte_rate": 7}})
	if dry["values"].(object)["producer_byte_rate"] != 7.0 {
		t.Errorf("dry run: %v", dry)
	}
	if list := s.list("/v1/list_quotas"); len(list) != 0 {
		t.Errorf("a dry run set a quota: %v", list)
	}
	for _, bad := range []object{
		{"entity": entity, "set": object{"producer_byte_rate": 0.5}},
		{"entity": object{}, "set": object{"producer_byte_rate": 1}},
		{"entity": object{"ip": "no.such.host.invalid"},
			"set": object{"connection_creation_rate": 1}},
	} {
		if status, answer := s.request(http.MethodPost, "/v1/alter_quota", bad); status !=
			http.StatusBadRequest || !strings.Contains(string(answer), "INVALID_REQUEST") {
			t.Errorf("%v: %d %s", bad, status, answer)
		}
	}
	s.post("/v1/alter_quota", object{"entity": entity,
		"set": object{"producer_byte_rate": 7, "request_percentage": 0.5}})
	s.post("/v1/alter_quota", object{"entity": object{"ip": "10.0.0.1"},
		"set": object{"connection_creation_rate": 3}})
	if same := s.post("/v1/alter_quota", object{"entity": entity,
		"set": object{"producer_byte_rate": 7}}); len(same["values"].(object)) != 2 {
		t.Errorf("what is so already: %v", same)
	}
	list := s.list("/v1/list_quotas")
	if len(list) != 2 || fmt.Sprint(list) != "[map[entity:map[clientId: user:alice] "+
		"values:map[producer_byte_rate:7 request_percentage:0.5]] "+
		"map[entity:map[ip:10.0.0.1] values:map[connection_creation_rate:3]]]" {
		t.Errorf("%v", list)
	}
	left := s.post("/v1/alter_quota", object{"entity": entity,
		"remove": []string{"producer_byte_rate", "request_percentage"}})
	if len(left["values"].(object)) != 0 || len(s.list("/v1/list_quotas")) != 1 {
		t.Errorf("after the removal: %v", left)
	}
}

// list is the answer of a read that is a list.
func (s *server) list(path string) []any {
	s.t.Helper()
	status, answer := s.request(http.MethodGet, path, nil)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", path, status, answer)
	}
	return decode[[]any](s.t, answer)
}

// TestUsersOverHTTP sets, lists and deletes SCRAM credentials; no answer and no record shows a
// secret.
func TestUsersOverHTTP(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	const password = "canary-password"
	credential := object{"user": "alice", "mechanism": "SCRAM-SHA-512", "iterations": 4096}
	if status, answer := s.request(http.MethodPost, "/v1/set_user_credential",
		credential); status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
		t.Errorf("without a password: %d %s", status, answer)
	}
	credential["password"] = password
	shown := fmt.Sprint(s.post("/v1/set_user_credential?dryRun=true", credential))
	if len(s.list("/v1/list_users")) != 0 {
		t.Error("a dry run made a user")
	}
	shown += fmt.Sprint(s.post("/v1/set_user_credential", credential))
	list := s.list("/v1/list_users")
	shown += fmt.Sprint(list)
	if fmt.Sprint(list) != "[map[credentials:[map[iterations:4096 mechanism:SCRAM-SHA-512]] "+
		"user:alice]]" {
		t.Errorf("%v", list)
	}
	kept := s.node.Controller().Image().ScramCredential(2, "alice")
	_, records := s.request(http.MethodGet, "/v1/records?from=0", nil)
	shown += string(records)
	for _, secret := range [][]byte{kept.Salt, kept.StoredKey, kept.ServerKey} {
		if strings.Contains(shown, base64.StdEncoding.EncodeToString(secret)) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	if strings.Contains(shown, password) || !strings.Contains(shown, "UserScramCredentialRecord") {
		t.Errorf("the password is shown, or no record: %s", shown)
	}
	delete(credential, "password")
	delete(credential, "iterations")
	s.post("/v1/delete_user_credential", credential)
	if status, _ := s.request(http.MethodPost, "/v1/delete_user_credential",
		credential); status != http.StatusNotFound {
		t.Errorf("deleted twice: %d", status)
	}
}

// TestTokensOverHTTP creates, lists, renews and expires a token. Only the answer that creates it
// has its secret.
func TestTokensOverHTTP(t *testing.T) {
	t.Parallel()
	s := startOne(t, "delegation.token.secret.key=canary-key")
	dry := s.post("/v1/create_token?dryRun=true", object{"owner": "User:alice"})
	if dry["hmac"] != nil || len(s.list("/v1/list_tokens")) != 0 {
		t.Errorf("a dry run: %v", dry)
	}
	made := s.post("/v1/create_token", object{"owner": "User:alice", "renewers": []string{"bob"}})
	hmac, _ := made["hmac"].(string)
	if len(hmac) < 80 || made["owner"] != "User:alice" {
		t.Fatalf("%v", made)
	}
	id := object{"tokenId": made["tokenId"]}
	soon := object{"tokenId": made["tokenId"], "periodMs": 60000}
	shown := fmt.Sprint(s.post("/v1/renew_token", id), s.list("/v1/list_tokens"),
		s.post("/v1/expire_token", soon))
	_, records := s.request(http.MethodGet, "/v1/records?from=0", nil)
	if shown += string(records); strings.Contains(shown, hmac) ||
		strings.Contains(shown, "canary-key") || !strings.Contains(shown, "User:bob") {
		t.Errorf("a secret is shown, or no renewer: %s", shown)
	}
	if removed := s.post("/v1/expire_token", id); removed["removed"] != true {
		t.Errorf("%v", removed)
	}
	if status, _ := s.request(http.MethodPost, "/v1/renew_token", id); status !=
		http.StatusNotFound || len(s.list("/v1/list_tokens")) != 0 {
		t.Errorf("renewed after its end: %d", status)
	}
}
