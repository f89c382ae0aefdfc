package httpapi

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestKeysAreBounded: keys are forgotten when they are old, and the oldest first when there are too
// many, or when their answers take too much memory. Keys of requests under way stay.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	k := newKeys(func() time.Time { return now })
	answer := func(key string, bytes int) {
		e, first := k.claim(key, fingerprint{})
		if !first {
			t.Fatalf("%s is not new", key)
		}
		r := &recording{}
		r.write(make([]byte, bytes))
		k.finish(e, http.StatusOK, http.Header{}, r)
	}
	known := func(key string) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.byKey[key] != nil
	}
	running, _ := k.claim("running", fingerprint{})
	answer("old", 1)
	now = now.Add(keysAge)
	answer("new", 1)
	if known("old") || !known("new") || !known("running") {
		t.Errorf("after %v: %v", keysAge, k.byKey)
	}
	for i := range 2 * keyAnswersMax / keyAnswerMax {
		answer(fmt.Sprint("large", i), keyAnswerMax)
	}
	if k.bytes > keyAnswersMax || known("new") || !known("running") {
		t.Errorf("%d bytes are kept, of at most %d", k.bytes, keyAnswersMax)
	}
	for i := range keysMax + 5 {
		answer(fmt.Sprint("small", i), 1)
	}
	if len(k.byKey) > keysMax || !known("running") {
		t.Errorf("%d keys are known, of at most %d", len(k.byKey), keysMax)
	}
	k.finish(running, http.StatusServiceUnavailable, http.Header{}, &recording{})
	if known("running") || !running.forgotten {
		t.Error("an answer that says that nothing was done is kept")
	}
	large := &recording{}
	large.write(make([]byte, keyAnswerMax+1))
	if !large.lost || large.body != nil {
		t.Error("an answer that is too large is kept")
	}
}

// TestKeysUnderWayAreLimited: when all keys belong to requests under way there is no room for
// another.
func TestKeysUnderWayAreLimited(t *testing.T) {
	t.Parallel()
	k := newKeys(time.Now)
	for i := range keysMax {
		k.claim(fmt.Sprint(i), fingerprint{})
	}
	if e, _ := k.claim("one more", fingerprint{}); e != nil {
		t.Error("a key was accepted beyond the limit")
	}
}

// TestKeysAreOfOneLeadership: answers of an earlier leadership of the same node are forgotten, those
// of the present one are not.
func TestKeysAreOfOneLeadership(t *testing.T) {
	t.Parallel()
	k := newKeys(time.Now)
	k.lead(3)
	e, _ := k.claim("a", fingerprint{})
	k.finish(e, http.StatusOK, http.Header{}, &recording{})
	k.lead(3)
	if _, first := k.claim("a", fingerprint{}); first {
		t.Error("a key is forgotten in the same epoch")
	}
	k.lead(5)
	if _, first := k.claim("a", fingerprint{}); !first {
		t.Error("a key of epoch 3 is known in epoch 5")
	}
}
