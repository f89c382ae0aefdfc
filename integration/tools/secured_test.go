package tools

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

var securedDir = filepath.Join("testdata", "secured")

// securedListeners are those of the controller: $C, and one of each other protocol.
var securedListeners = []realm.Listener{
	{Name: "CONTROLLER", Protocol: realm.SASLSSL, Mechanisms: realm.Mechanisms},
	{Name: "MTLS", Protocol: realm.SSL},
	{Name: "OPEN", Protocol: realm.SASLPlaintext, Mechanisms: []string{realm.Plain}},
	{Name: "BARE", Protocol: realm.Plaintext},
}

// newSecuredWorld starts one side with a controller that has an authorizer, and with broker 1.
// Clients connect to both of them by SASL over TLS. $ADMIN, $ALICE and $BOB are files for
// --command-config of a super user and of two others.
func newSecuredWorld(t *testing.T, side string) *world {
	t.Helper()
	w := &world{names: newNames(), brokers: map[int32]*kafka.Broker{}, addrs: map[int32]string{},
		tmp: t.TempDir()}
	r := realm.New(t)
	o := kafka.ControllerOptions{Realm: r, FormatArgs: realm.AddScram(),
		Listeners:  securedListeners,
		Properties: maps.Clone(secrets)}
	w.startController(t, side, o)
	for name, login := range map[string]*realm.Login{
		"ADMIN": r.Login(realm.Admin, realm.SASLSSL, realm.Scram512),
		"ALICE": r.Login(realm.Alice, realm.SASLSSL, realm.OAuthBearer),
		"BOB":   r.Login(realm.Bob, realm.SASLSSL, realm.Plain),
	} {
		w.set(name, login.File(t))
	}
	w.set("TRUSTED", r.TrustFile())
	for _, l := range securedListeners[1:] {
		w.set(l.Name, w.quorum.EndpointOf(w.quorum.Nodes()[0], l.Name))
	}
	b := kafka.StartBroker(t, w.quorum, kafka.BrokerOptions{ID: 1, Properties: secrets})
	w.brokers[1], w.addrs[1] = b, b.AddrOf("CLIENTS")
	w.login = r.Login(realm.Admin, realm.SASLSSL, realm.Plain).Options()
	w.set("B", w.addrs[1])
	w.set("BPORT", portOf(w.addrs[1]))
	w.box = kafka.StartToolbox(t, kafka.Newest, toolMax, r.JVMArgs()...)
	return w
}
