package integration

import (
	"testing"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/integration/kafka"
)

// TestEveryField sends requests of every API and version in which one field is invalid or extreme:
// each length, count and number at its bounds, null, and the like (schema.Changes). Each request is
// refused or answered; brokers of the oldest and the newest release load every written record, from
// the log and from a snapshot; and the node has no fault and no slow event.
func TestEveryField(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		level   string   // metadata version
		loaders []string // releases of brokers that support it
	}{{"4.0", []string{kafka.V40, kafka.V44}}, {"4.3", []string{kafka.V44}}} {
		t.Run(test.level, func(t *testing.T) {
			t.Parallel()
			v := newTarget(t, test.level)
			var sent, answered int
			for _, create := range bases {
				key := create(v).Key()
				low, high, _ := controller.Versions(key)
				for version := low; version <= high; version++ {
					s, a := v.tryFields(create, key, version)
					sent, answered = sent+s, answered+a
					v.readLog()
				}
				v.requireUnhurt()
			}
			kafka.Logf(t, "%d requests, of which %d were answered", sent, answered)
			v.requireLoaded(test.loaders...)
		})
	}
}

// tryFields tries one version of an API: its base, which must succeed, and every request that
// differs from it in one field.
func (v *target) tryFields(create base, key, version int16) (sent, answered int) {
	v.t.Helper()
	m := v.schemas[key]
	req, body := v.body(create, version)
	v.do(req)
	decoded, err := m.Decode(version, body)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range changesOf(decoded) {
		// The base is made again, since the last request may have removed its entities.
		_, body := v.body(create, version)
		fresh, err := m.Decode(version, body)
		if err != nil {
			v.t.Fatal(err)
		}
		sent++
		if v.send(key, version, m.Append(nil, version, c.of(fresh))) != nil {
			answered++
		}
	}
	return sent, answered
}
