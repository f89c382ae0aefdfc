package integration

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

// Every way to format a quorum, by yakt format and by kafka-storage, gives a quorum that brokers
// with either configuration can use. (TestYAKt starts a dynamic quorum formatted by yakt format.)
func TestYAKtFormats(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	cases := map[string]struct {
		nodes   int
		options kafka.ControllerOptions
		brokers [2]string // releases: one uses bootstrap servers, one static voters
		scram   string    // user whose credential the controllers must have
	}{
		"yakt static": {nodes: 3, options: kafka.ControllerOptions{Static: true}},
		"4.4 --standalone": {nodes: 1,
			options: kafka.ControllerOptions{FormatBy: kafka.Newest}},
		"4.4 --initial-controllers": {nodes: 3,
			options: kafka.ControllerOptions{FormatBy: kafka.Newest}},
		"4.4 static and --add-scram": {nodes: 1, scram: "alice",
			options: kafka.ControllerOptions{FormatBy: kafka.Newest, Static: true,
				FormatArgs: []string{"--add-scram", "SCRAM-SHA-256=[name=alice,password=secret]"}}},
		"4.3 --initial-controllers": {nodes: 3,
			options: kafka.ControllerOptions{FormatBy: kafka.V43},
			brokers: [2]string{kafka.V43, kafka.Newest}},
		"4.0 --standalone": {nodes: 1, options: kafka.ControllerOptions{FormatBy: kafka.V40},
			brokers: [2]string{kafka.V40, kafka.Newest}},
	}
	for name, c := range cases {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			q := kafka.StartYAKt(t, binary, c.nodes, c.options)
			brokers := scenario.BothKindsServe(t, q, c.brokers[0], c.brokers[1])
			if c.scram != "" {
				requireScram(t, brokers[0].Addr(), c.scram)
			}
		})
	}
}

func requireScram(t *testing.T, addr, user string) {
	t.Helper()
	all, err := kadm.NewClient(kafka.NewClient(t, []string{addr})).DescribeUserSCRAMs(t.Context(),
		user)
	if err != nil {
		t.Fatal(err)
	}
	if got := all[user]; got.Err != nil || len(got.CredInfos) != 1 ||
		got.CredInfos[0].Mechanism != kadm.ScramSha256 {
		t.Errorf("credentials of %s: %+v", user, got)
	}
}
