package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// loaders are the oldest and the newest release of supported brokers.
var loaders = []string{kafka.V40, kafka.V44}

// loaderLevel is the highest metadata.version that both support.
const loaderLevel = metadata.V4_0_IV3

// Kafka's own readers and replay load what YAKt writes, from the log and from YAKt's snapshot:
// random records of every kind, and strings of the greatest length everywhere.
func TestKafkaLoadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	var files []kafka.LogFile
	for _, state := range [][]record.Record{largestState(), randomState(1), randomState(2)} {
		log, err := metadata.EncodeData(append([]record.Record{level()}, state...), loaderLevel, 1)
		if err != nil {
			t.Fatal(err)
		}
		log.SetPosition(0, 1)
		img, err := metadata.Empty().ReplayBatch(log)
		if err != nil {
			t.Fatal(err)
		}
		var snapshot bytes.Buffer
		if err := metadata.WriteSnapshot(&snapshot, img); err != nil {
			t.Fatal(err)
		}
		files = append(
			files,
			kafka.LogFile{Bytes: log},
			kafka.LogFile{Snapshot: true, Bytes: snapshot.Bytes()},
		)
	}
	for _, version := range loaders {
		for i, err := range kafka.LoadLogs(t, version, files...) {
			if err != nil {
				t.Errorf("%s, file %d: %v", version, i, err)
			}
		}
	}
}

func level() record.Record {
	return &record.FeatureLevel{Name: metadata.FeatureMetadata, Level: int16(loaderLevel)}
}

// largestState has a string of the greatest length in every string field.
func largestState() []record.Record {
	long := strings.Repeat("€", record.StringMax/3) + "a"
	names := func(i int) string { return fmt.Sprint(i) + strings.Repeat("n", record.StringMax-1) }
	endpoints := []record.Endpoint{
		{Name: names(1), Host: long, Port: 1},
		{Name: names(2), Host: long, Port: 65535, SecurityProtocol: 3},
	}
	features := []record.FeatureRange{
		{Name: names(1), Max: 1},
		{Name: names(2), Min: 1, Max: 32767},
	}
	principal := "User:" + strings.Repeat("p", record.StringMax-len("User:"))
	return []record.Record{
		&record.RegisterBroker{
			BrokerID:      1,
			IncarnationID: protocol.UUID{1},
			Endpoints:     endpoints,
			Features:      features,
			Rack:          &long,
		},
		&record.RegisterController{
			ControllerID:  2,
			IncarnationID: protocol.UUID{2},
			Endpoints:     endpoints,
			Features:      features,
		},
		&record.Topic{Name: strings.Repeat("t", 249), TopicID: protocol.UUID{3}},
		&record.Config{ResourceType: metadata.ConfigBroker, Name: long, Value: &long},
		&record.Config{
			ResourceType: metadata.ConfigGroup,
			ResourceName: long,
			Name:         long,
			Value:        &long,
		},
		&record.Config{
			ResourceType: metadata.ConfigClientMetrics,
			ResourceName: long,
			Name:         long,
			Value:        &long,
		},
		&record.FeatureLevel{Name: long, Level: 32767},
		&record.ClientQuota{
			Entity: []record.QuotaEntity{
				{Type: "user", Name: &long},
				{Type: "client-id", Name: &long},
			},
			Key:   long,
			Value: 1,
		},
		&record.UserScramCredential{
			Name:       long,
			Mechanism:  2,
			Salt:       make([]byte, 1<<20),
			Iterations: 4096,
		},
		&record.DelegationToken{
			Owner:     principal,
			Requester: principal,
			Renewers:  []string{principal},
			TokenID:   long,
		},
		&record.AccessControlEntry{
			ID: protocol.UUID{
				4,
			},
			ResourceType:   2,
			ResourceName:   long,
			PatternType:    3,
			Principal:      principal,
			Host:           long,
			Operation:      3,
			PermissionType: 3,
		},
		&record.BeginTransaction{Name: &long},
		&record.AbortTransaction{Reason: &long},
	}
}

// randomState registers, creates and sets one of every kind of entity that does not depend on
// another.
func randomState(seed uint64) []record.Record {
	rng := rand.New(rand.NewPCG(seed, 11))
	var records []record.Record
	for range 50 {
		for _, kind := range []record.Type{
			record.TypeRegisterBroker, record.TypeRegisterController, record.TypeTopic,
			record.TypeConfig, record.TypeClientQuota,
			record.TypeUserScramCredential, record.TypeDelegationToken,
			record.TypeAccessControlEntry,
		} {
			r := recordtest.Random(rng, kind, loaderLevel.RecordVersion(kind.New()))
			if b, ok := r.(*record.RegisterBroker); ok {
				b.IsMigratingZkBroker = false // no longer part of snapshots in any release
			}
			records = append(records, r)
			if topic, ok := r.(*record.Topic); ok {
				p := recordtest.Random(rng, record.TypePartition, 2).(*record.Partition)
				p.TopicID = topic.TopicID
				records = append(records, p)
			}
		}
	}
	return records
}

// Kafka does not load the records that record.Check calls invalid. The batches are encoded by hand,
// since nothing else writes such records.
func TestKafkaDoesNotLoadWhatIsInvalid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", record.StringMax+1)
	config := func(name, key, value string) []byte {
		b := []byte{1, byte(record.TypeConfig), 0, byte(metadata.ConfigGroup)}
		return append(compact(compact(compact(b, name), key), value), 0)
	}
	broker := func(name, host string, protocol byte) []byte {
		b := []byte{1, byte(record.TypeRegisterBroker), 1}
		b = append(append(b, make([]byte, 4+16+8)...), 2) // one endpoint
		b = append(compact(compact(b, name), host), 0, 99, 0, protocol, 0)
		return append(b, 1, 0, 1, 0, 0) // no features, no rack, fenced
	}
	values := map[string][]byte{
		"a long name":                  config(long, "k", "v"),
		"a long key":                   config("g", long, "v"),
		"a long value":                 config("g", "k", long),
		"a long host":                  broker("A", long, 0),
		"a long name of a listener":    broker(long, "h", 0),
		"an unknown security protocol": broker("A", "h", 4),
	}
	var names []string
	var files []kafka.LogFile
	for name, value := range values {
		if r, _, err := record.Decode(value); err != nil || record.Check(r) == nil {
			t.Errorf("%s: decoded as %v, %v, and valid", name, r, err)
		}
		first, err := metadata.EncodeData([]record.Record{level()}, loaderLevel, 1)
		if err != nil {
			t.Fatal(err)
		}
		first.SetPosition(0, 1)
		names = append(names, name)
		files = append(files, kafka.LogFile{Bytes: append(first, batchOf(t, 1, value)...)})
	}
	for _, version := range loaders {
		for i, err := range kafka.LoadLogs(t, version, files...) {
			// wrong.Offset is the record's, or the end if writing it again failed
			var wrong *kafka.LoadError
			if !errors.As(err, &wrong) || wrong.Offset < 1 {
				t.Errorf("%s in %s: %v", names[i], version, err)
			}
		}
	}
}

func compact(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s)+1)), s...)
}

// batchOf is a batch of one record with any value.
func batchOf(t *testing.T, offset int64, value []byte) batch.Batch {
	t.Helper()
	b, err := metadata.EncodeData([]record.Record{&record.NoOp{}}, loaderLevel, 1)
	if err != nil {
		t.Fatal(err)
	}
	const header, crcFrom = 61, 21
	body := append(
		[]byte{0, 0, 0, 1},
		binary.AppendVarint(nil, int64(len(value)))...) // attributes, deltas, no key
	body = append(append(body, value...), 0)
	b = append(binary.AppendVarint(b[:header:header], int64(len(body))), body...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(
		b[17:],
		protocol.Checksum(b[crcFrom:]),
	)
	b.SetPosition(offset, 1)
	return b
}
