package security

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// The files of testdata/example make a cluster in which an administrator works with Kafka's tools
// and over HTTP, and nobody else does. Only paths and addresses are replaced.
func TestTheExampleWorks(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	binary := kafka.BuildYAKt(t)
	listeners := []realm.Listener{{Name: "QUORUM", Protocol: realm.SSL},
		{Name: "BROKERS", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Scram512}}}
	q := kafka.ConfigureYAKt(t, binary, 1, kafka.ControllerOptions{Realm: r,
		Listeners: listeners, FormatArgs: realm.AddScram()})
	id := q.Nodes()[0]
	b := kafka.NewBroker(t, q.Via("BROKERS"), kafka.BrokerOptions{ID: 1,
		Listeners: []realm.Listener{{Name: "INTERNAL", Protocol: realm.SSL},
			{Name: "CLIENTS", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Scram512}}}})
	admin := filepath.Join(t.TempDir(), "admin.properties")
	places := strings.NewReplacer(
		"/etc/kafka", r.Dir(), "/var/lib/yakt", q.Dir(id), "/var/lib/kafka", b.Dirs[0],
		"controller.example:9093", q.Endpoint(id),
		"controller.example:9094", q.EndpointOf(id, "BROKERS"),
		"controller.example:8093", q.HTTPAddr(id),
		"broker.example:9091", b.Addr(), "broker.example:9092", b.AddrOf("CLIENTS"))
	for file, path := range map[string]string{
		"controller.properties": q.Config(id), "broker.properties": b.Config(),
		"admin.properties": admin,
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "example", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(places.Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q.Format(t, id).MustSucceed(t)
	q.Start(t, id)
	kafka.WaitLeader(t, q, kafka.Patience)
	b.Start(t)
	b.WaitStarted(t, kafka.Patience)

	box := kafka.StartToolbox(t, kafka.Newest, 30*time.Second)
	box.Run(t, "", kafka.TopicCommand, "--bootstrap-server", b.AddrOf("CLIENTS"),
		"--command-config", admin, "--create", "--topic", "t", "--replication-factor", "1",
	).MustSucceed(t)
	box.Run(t, "", kafka.AclCommand, "--bootstrap-controller", q.EndpointOf(id, "BROKERS"),
		"--command-config", admin, "--list").MustSucceed(t)
	c := &cluster{r: r, q: q}
	url := "https://" + q.HTTPAddr(id) + "/v1/topics"
	if status, body := request(t, c.browser(t), "GET", url,
		basic(realm.Admin, realm.Password(realm.Admin))); status != 200 ||
		!strings.Contains(string(body), `"t"`) {
		t.Errorf("topics over HTTP: %d %.300s", status, body)
	}
	if status, body := request(t, c.browser(t), "GET", url, nil); status != 401 {
		t.Errorf("without credentials: %d %.300s", status, body)
	}
	if log := q.Node(id).Log(); strings.Contains(log, "level=WARN") {
		t.Errorf("the example is warned about:\n%s", log)
	}
}
