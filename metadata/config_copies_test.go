package metadata

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"github.com/yakt/yakt/metadata/record"
)

func configRecord(resource, name, value string) *record.Config {
	return &record.Config{
		ResourceType: ConfigBroker, ResourceName: resource, Name: name,
		Value: &value,
	}
}

func mustEdit(t *testing.T, img *Image, records ...record.Record) *Image {
	t.Helper()
	e := img.Edit()
	for i, r := range records {
		if err := e.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return e.Done(img.EndOffset()+int64(len(records)), 1, 0)
}

// TestConfigsThatOthersSeeStay changes the configs of a resource in one image after the other, and
// around metadata transactions: an image that was published never changes.
func TestConfigsThatOthersSeeStay(t *testing.T) {
	t.Parallel()
	first := mustEdit(
		t, Empty(), configRecord("1", "a", "1"), configRecord("1", "b", "1"),
		configRecord("2", "a", "1"),
	)
	seen := maps.Clone(first.Config(ConfigBroker, "1"))
	none := &record.Config{ResourceType: ConfigBroker, ResourceName: "1", Name: "a"}
	second := mustEdit(t, first, configRecord("1", "c", "2"), none, configRecord("1", "b", "2"))
	aborted := mustEdit(
		t, second, configRecord("1", "d", "3"), &record.BeginTransaction{},
		configRecord("1", "b", "4"), configRecord("1", "e", "4"), &record.AbortTransaction{},
	)
	for _, c := range []struct {
		img  *Image
		want map[string]string
	}{
		{first, seen}, {first, map[string]string{"a": "1", "b": "1"}},
		{second, map[string]string{"b": "2", "c": "2"}},
		{aborted, map[string]string{"b": "2", "c": "2", "d": "3"}},
	} {
		if got := c.img.Config(ConfigBroker, "1"); !maps.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	if again := mustEdit(t, aborted,
		configRecord("1", "e", "5")); again.Config(ConfigBroker, "1")["e"] != "5" {
		t.Error("a change after an aborted transaction is lost")
	}
}

// TestConfigsOfOneResourceAreCopiedOnceABatch: a batch may set thousands of one resource.
func TestConfigsOfOneResourceAreCopiedOnceABatch(t *testing.T) {
	t.Parallel()
	base := mustEdit(t, Empty(), configRecord("1", "a", "1"))
	e := base.Edit()
	copies := make(map[uintptr]bool)
	for i := range 100 {
		if err := e.Replay(int64(i), configRecord("1", fmt.Sprint("key-", i), "1")); err != nil {
			t.Fatal(err)
		}
		copies[reflect.ValueOf(e.Image().Config(ConfigBroker, "1")).Pointer()] = true
	}
	if len(copies) != 1 {
		t.Errorf("%d copies for 100 records", len(copies))
	}
}
