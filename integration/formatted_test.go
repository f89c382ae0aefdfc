package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// A directory that kafka-storage formatted, by any release and with any of its options, gives the
// same cluster with YAKt as with Apache's own controller: the first records of the log are equal.
func TestYAKtDirectoriesOfKafkaStorage(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	scram := "SCRAM-SHA-256=[name=alice,password=secret]"
	cases := map[string]struct {
		by     string // release; the newest by default
		static bool
		args   []string
	}{
		"standalone":        {},
		"static":            {static: true},
		"standalone as 4.0": {args: []string{"-r", "4.0"}},
		"standalone as 4.1": {args: []string{"-r", "4.1"}},
		"standalone as 4.2": {args: []string{"-r", "4.2"}},
		"standalone as 4.3": {args: []string{"-r", "4.3"}},
		"static as 4.4":     {static: true, args: []string{"-r", "4.4"}},
		"users":             {args: []string{"--add-scram", scram}},
		"users static as 4.0": {static: true,
			args: []string{"--add-scram", scram, "-r", "4.0"}},
		"features": {args: []string{"--feature", "share.version=1",
			"--feature", "eligible.leader.replicas.version=0",
			"--feature", "transaction.version=1"}},
		"metadata.version 31": {args: []string{"--feature", "metadata.version=31"}},
		"by 4.0":              {by: kafka.V40},
		"by 4.3 with users":   {by: kafka.V43, args: []string{"--add-scram", scram}},
		"by 4.3 static":       {by: kafka.V43, static: true},
	}
	for name, c := range cases {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			by := c.by
			if by == "" {
				by = kafka.Newest
			}
			q := kafka.ConfigureYAKt(t, binary, 1, kafka.ControllerOptions{FormatBy: by,
				Static: c.static, FormatArgs: c.args})
			id := q.Nodes()[0]
			q.Format(t, id).MustSucceed(t)
			formatted := t.TempDir()
			kafka.CopyDir(t, q.Dir(id), formatted)
			restore := q.InstallApache(t, id, by)
			theirs := firstRecords(t, q)
			restore()
			kafka.CopyDir(t, formatted, q.Dir(id))
			ours := firstRecords(t, q)
			if c.static {
				ours = withoutVoters(t, ours)
			}
			if !slices.Equal(ours, theirs) {
				t.Errorf("YAKt's first records:\n%s\nof Apache %s:\n%s",
					strings.Join(ours, "\n"), by, strings.Join(theirs, "\n"))
			}
			if len(theirs) < 4 {
				t.Errorf("only %d records: the comparison says little", len(theirs))
			}
		})
	}
}

// withoutVoters removes the records with the voters: YAKt writes them for static voters, too.
func withoutVoters(t *testing.T, records []string) []string {
	t.Helper()
	if len(records) < 2 || !strings.HasPrefix(records[0], "KRaftVersionRecord ") ||
		!strings.HasPrefix(records[1], "VotersRecord ") {
		t.Fatalf("the log does not begin with the voters: %q", records)
	}
	return records[2:]
}

// firstRecords starts a quorum of one, stops it when it leads, and returns the records that every
// new cluster has, as text: voters, and those of the bootstrap.
func firstRecords(t *testing.T, q *kafka.Controllers) (all []string) {
	t.Helper()
	id := q.Nodes()[0]
	q.Start(t, id)
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	kafka.Eventually(t, kafka.Patience, "the bootstrap is committed", func() (err error) {
		var log []byte
		log, err = kafka.MetadataLog(t.Context(), q.Endpoint(id), q.ClusterID(), leader.Epoch)
		if err == nil {
			all, err = bootstrapOf(log)
		}
		return err
	})
	q.Stop(t, id)
	return all
}

// bootstrapOf is the text of the records up to the end of the first transaction, without those that
// belong to the term rather than the cluster. It is an error if the log does not have it all.
func bootstrapOf(log []byte) (all []string, err error) {
	ended := false
	for len(log) > 0 && !ended {
		var b batch.Batch
		if b, log, err = batch.Parse(log); err != nil {
			return nil, err
		}
		err = b.Each(func(_ int64, key, value []byte) error {
			text, err := recordText(b.IsControl(), key, value)
			if text != "" && !ended {
				all = append(all, text)
			}
			ended = ended || strings.HasPrefix(text, "EndTransaction")
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if !ended {
		return nil, fmt.Errorf("no transaction has ended: %q", all)
	}
	return all, nil
}

// recordText is "" for a change of leader.
func recordText(control bool, key, value []byte) (string, error) {
	if control {
		c, err := record.DecodeControl(key, value)
		if _, ok := c.(*record.LeaderChange); err != nil || ok {
			return "", err
		}
		text, err := json.Marshal(c)
		return fmt.Sprintf("%v %s", c.ControlType(), text), err
	}
	r, version, err := record.Decode(value)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(r)
	return fmt.Sprintf("%v v%d %s", r.Type(), version, text), err
}
