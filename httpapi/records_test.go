package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// imageOf is the state after a batch of records at offset 0.
func imageOf(t *testing.T, records ...record.Record) *metadata.Image {
	t.Helper()
	data, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := batch.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(0, 1)
	img, err := metadata.Empty().ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestPoisonIsListed checks what heal and the check log_readable show of records that brokers do
// not accept.
func TestPoisonIsListed(t *testing.T) {
	t.Parallel()
	if wrong := unreadable(metadata.Empty(), 0); wrong != "" {
		t.Errorf("an empty state: %s", wrong)
	}
	var records []record.Record
	value := "v"
	for i := range poisonMax + 1 {
		records = append(records, &record.Config{
			ResourceType: metadata.ConfigTopic, ResourceName: "", Name: fmt.Sprint(i),
			Value: &value,
		})
	}
	img := imageOf(t, records...)
	all := poisonOf(img)
	if img.PoisonCount() <= poisonMax || len(all) != poisonMax {
		t.Fatalf("%d of %d entries are listed", len(all), img.PoisonCount())
	}
	if p := all[0]; p.Type != "ConfigRecord" || p.Problem == "" || p.Action == "" {
		t.Errorf("listed: %+v", p)
	}
	if wrong := unreadable(img, 0); !strings.Contains(wrong, "`yakt heal` removes them") {
		t.Errorf("log_readable: %q", wrong)
	}
}

// TestStatusOfARegistration checks the status that a registration record shows.
func TestStatusOfARegistration(t *testing.T) {
	t.Parallel()
	for status, r := range map[string]*record.RegisterBroker{
		statusInit:     {Fenced: true},
		statusFenced:   {Fenced: true, CordonedLogDirs: []protocol.UUID{}},
		statusUnfenced: {},
		statusClosed:   {Fenced: true, InControlledShutdown: true},
	} {
		_, fields := present(r, feed.State{}, metadata.LatestVersion)
		if got := fields.(BrokerFields); got.BrokerStatus != status || got.BrokerHost != "" {
			t.Errorf("%+v: %+v", r, got)
		}
	}
}

// TestNumbersThatJSONDoesNotHave checks that they are shown as text.
func TestNumbersThatJSONDoesNotHave(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		1.5: `"value":1.5`, math.Inf(1): `"value":"+Inf"`, math.NaN(): `"value":"NaN"`,
	} {
		text := string(appendJSON(nil, rawFields(&record.ClientQuota{Value: value})))
		if !strings.Contains(text, want) {
			t.Errorf("%v: %s", value, text)
		}
	}
}

// TestUnreadableBatchesAreErrors checks that a part of the log that cannot be shown in full does
// not look complete.
func TestUnreadableBatchesAreErrors(t *testing.T) {
	t.Parallel()
	batch, err := recordtest.Batch(&record.NoOp{})
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]readLog{
		"cut meanwhile": func(int64, int) ([]byte, int64, int64) { return batch, 5, 9 },
		"nothing":       func(int64, int) ([]byte, int64, int64) { return nil, 0, 9 },
		"no batch":      func(int64, int) ([]byte, int64, int64) { return []byte("x"), 0, 9 },
	} {
		var out bytes.Buffer
		if err := (&logPart{read: read, end: 1, highWatermark: 9}).write(&out); err == nil {
			t.Errorf("%s: %s", name, &out)
		}
	}
	in := LogInput{From: 3}
	_, err = in.part(func(int64, int) ([]byte, int64, int64) { return nil, 5, 9 })
	var p *Problem
	if !errors.As(err, &p) || p.Code != kerr.OffsetOutOfRange.Message {
		t.Errorf("before the log's start: %v", err)
	}
}

// TestCacheIsBounded checks both bounds of the cache of batches.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c batchCache
	for i := range int64(cacheTexts + 10) {
		c.put(batchKey{offset: i}, &cachedText{})
	}
	if len(c.texts) != cacheTexts || c.texts[batchKey{offset: 9}] != nil ||
		c.texts[batchKey{offset: 10}] == nil {
		t.Errorf("%d texts", len(c.texts))
	}
	c.grow(cacheBytes)
	if len(c.texts) != cacheTexts {
		t.Error("a full cache was emptied")
	}
	c.grow(1)
	if len(c.texts) != 0 || c.bytes != 0 {
		t.Errorf("%d texts of %d bytes remain", len(c.texts), c.bytes)
	}
}
