package security

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// doors are controller listeners of every protocol and mechanism. The first one is between nodes.
var doors = []realm.Listener{
	{Name: "MTLS", Protocol: realm.SSL},
	{Name: "PLAIN", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Plain}},
	{Name: "SCRAM", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Scram512}},
	{Name: "BEARER", Protocol: realm.SASLSSL, Mechanisms: []string{realm.OAuthBearer}},
	{Name: "OPEN", Protocol: realm.SASLPlaintext, Mechanisms: []string{realm.Scram256, realm.Plain}},
}

// A real broker registers and serves clients whichever way it connects to the controllers.
func TestBrokersByEveryProtocolAndMechanism(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	q := start(t, 1, kafka.ControllerOptions{Realm: r, Listeners: doors,
		FormatArgs: realm.AddScram()})
	var brokers []*kafka.Broker
	for i, d := range doors {
		b := kafka.NewBroker(t, q.Via(d.Name), kafka.BrokerOptions{ID: int32(i + 1)})
		b.Start(t)
		brokers = append(brokers, b)
	}
	for _, b := range brokers {
		b.WaitStarted(t, kafka.Patience)
	}
	kafka.RequireAlive(t, brokers...)
	for i, m := range realm.Mechanisms {
		login := r.Login(realm.Admin, realm.SASLSSL, m)
		addr := brokers[i].AddrOf("CLIENTS")
		cl := kafka.NewClient(t, []string{addr}, login.Options()...)
		if err := cl.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", login.Name, err)
		}
	}
}
