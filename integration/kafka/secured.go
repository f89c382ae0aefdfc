package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/yakt/yakt/integration/realm"
)

// plainListener is the one of a quorum without a realm.
var plainListener = realm.Listener{Name: "CONTROLLER", Protocol: realm.Plaintext}

// security is how the listeners of a quorum are secured.
type security struct {
	realm     *realm.Realm // nil: not at all
	listeners []realm.Listener
}

func secure(t testing.TB, o ControllerOptions) security {
	t.Helper()
	if o.Realm == nil {
		return security{listeners: []realm.Listener{plainListener}}
	}
	s := security{realm: o.Realm, listeners: o.Listeners}
	if len(s.listeners) == 0 {
		t.Fatal("a realm without listeners")
	}
	return s
}

// properties are those of a node.
func (s *security) properties() map[string]string {
	if s.realm == nil {
		return nil
	}
	p := s.realm.Properties(realm.Controller, s.listeners...)
	if first := s.listeners[0]; len(first.Mechanisms) > 0 {
		p["sasl.mechanism.controller.protocol"] = first.Mechanisms[0]
	}
	return p
}

// ClientOptions implements Quorum. The client has the present certificate.
func (s *security) ClientOptions() []kgo.Opt {
	if s.realm == nil {
		return nil
	}
	first := s.listeners[0]
	return s.realm.Login(realm.Admin, first.Protocol, first.Mechanisms...).Options()
}

// listener returns the one of that name, with its number.
func (s *security) listener(name string) (realm.Listener, int) {
	i := slices.IndexFunc(s.listeners, func(l realm.Listener) bool { return l.Name == name })
	if i < 0 {
		panic("the quorum has no listener " + name)
	}
	return s.listeners[i], i
}

// listenersOf is a value of listeners and advertised.listeners.
func listenersOf(listeners []realm.Listener, ports []int) string {
	var each []string
	for i, l := range listeners {
		each = append(each, fmt.Sprintf("%s://127.0.0.1:%d", l.Name, ports[i]))
	}
	return strings.Join(each, ",")
}

func namesOf(listeners []realm.Listener) string {
	var each []string
	for _, l := range listeners {
		each = append(each, l.Name)
	}
	return strings.Join(each, ",")
}

// EndpointOf returns host:port of one of a node's Kafka listeners.
func (q *Controllers) EndpointOf(id int32, listener string) string {
	_, i := q.listener(listener)
	return fmt.Sprintf("127.0.0.1:%d", q.nodes[id].ports[i])
}

// Via is the quorum for members that connect to one of its listeners.
func (q *Controllers) Via(listener string) ControllerQuorum {
	l, _ := q.listener(listener)
	return via{q, l}
}

type via struct {
	q *Controllers
	l realm.Listener
}

func (v via) ClusterID() string    { return v.q.clusterID }
func (v via) ListenerName() string { return v.l.Name }

func (v via) BootstrapServers() string {
	return v.q.join(func(c *controller) string { return v.q.EndpointOf(c.id, v.l.Name) })
}

func (v via) StaticVoters() string {
	return v.q.join(func(c *controller) string {
		return fmt.Sprintf("%d@%s", c.id, v.q.EndpointOf(c.id, v.l.Name))
	})
}

// Security implements ControllerQuorum.
func (v via) Security() (*realm.Realm, realm.Listener) { return v.q.realm, v.l }

// Security implements ControllerQuorum.
func (q *Controllers) Security() (*realm.Realm, realm.Listener) { return q.realm, q.listeners[0] }

// brokerListeners are those of a broker of a secured quorum unless its options say otherwise: the
// first is between brokers.
var brokerListeners = []realm.Listener{
	{Name: "BROKERS", Protocol: realm.SSL},
	{Name: "CLIENTS", Protocol: realm.SASLSSL, Mechanisms: realm.Mechanisms},
}

// secureBroker adds the security of a broker to its properties and returns its listeners.
func secureBroker(q ControllerQuorum, o BrokerOptions, p properties) []realm.Listener {
	r, quorum := q.Security()
	if r == nil {
		return []realm.Listener{{Name: "PLAINTEXT", Protocol: realm.Plaintext}}
	}
	listeners := o.Listeners
	if len(listeners) == 0 {
		listeners = brokerListeners
	}
	for key, value := range r.Properties(realm.Broker, append(slices.Clone(listeners), quorum)...) {
		p[key] = value
	}
	p["inter.broker.listener.name"] = listeners[0].Name
	if len(listeners[0].Mechanisms) > 0 {
		p["sasl.mechanism.inter.broker.protocol"] = listeners[0].Mechanisms[0]
	}
	if len(quorum.Mechanisms) > 0 {
		p["sasl.mechanism.controller.protocol"] = quorum.Mechanisms[0]
	}
	return listeners
}

// jvmArgs are the options of a member's Java program.
func jvmArgs(r *realm.Realm) []string {
	if r == nil {
		return nil
	}
	return r.JVMArgs()
}

// AddrOf is the address of one of the broker's listeners.
func (b *Broker) AddrOf(listener string) string {
	i := slices.IndexFunc(b.listeners, func(l realm.Listener) bool { return l.Name == listener })
	if i < 0 {
		panic("the broker has no listener " + listener)
	}
	return fmt.Sprintf("127.0.0.1:%d", b.ports[i])
}
