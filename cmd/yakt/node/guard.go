package node

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/security/certs"
	"github.com/yakt/yakt/security/oauth"
	"github.com/yakt/yakt/security/sasl"
)

// certificatesPoll is how often the files of certificates are looked at.
const certificatesPoll = 10 * time.Second

// guard holds what secures the connections of a node: the certificates and the SASL servers of its
// listeners, and how it authenticates at its peers. Its methods may be called from any goroutine.
type guard struct {
	cfg         *config.Config
	logger      *slog.Logger
	credentials credentials

	stores     map[string]*certs.Store // by listener; those with TLS
	servers    map[string]*sasl.Server // by listener; those with SASL
	validators map[string]*oauth.Validator
	costs      *sasl.Costs   // of all of them together
	source     *oauth.Source // of this node's own tokens; nil without OAUTHBEARER
	peers      peerDialer

	ctx     context.Context // ends with close
	stop    context.CancelFunc
	running sync.WaitGroup
}

// openGuard reads the certificates and starts what fetches keys and tokens. An error names the key
// of the configuration; nothing stays open then.
func openGuard(
	cfg *config.Config, logger *slog.Logger, credentials credentials,
) (_ *guard, err error) {
	g := &guard{
		cfg: cfg, logger: logger, credentials: credentials,
		stores: make(map[string]*certs.Store), servers: make(map[string]*sasl.Server),
		validators: make(map[string]*oauth.Validator), costs: sasl.NewCosts(),
		peers: peerDialer{clientID: fmt.Sprintf("yakt-controller-%d", cfg.NodeID)},
	}
	g.ctx, g.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	for i, name := range cfg.ControllerListenerNames {
		o := certs.Options{Listener: name}
		if i == 0 && cfg.DialsPeers() {
			o.Use = certs.ForPeers
		}
		if err := g.openListener(cfg.SecurityProtocols[name], o); err != nil {
			return nil, fmt.Errorf("listener %s: %w", name, err)
		}
	}
	err = g.openListener(cfg.HTTP.Protocol, certs.Options{
		Listener: httpEndpoint, NextProtos: []string{"h2", "http/1.1"},
	})
	if err != nil {
		return nil, fmt.Errorf("yakt.http.listeners: %w", err)
	}
	return g, g.openPeers()
}

// openListener opens what the protocol of a listener needs: a controller listener, or HTTP.
func (g *guard) openListener(protocol config.SecurityProtocol, with certs.Options) (err error) {
	name := with.Listener
	s := g.cfg.Secure[name]
	if protocol.HasTLS() {
		with.Logger = g.logger
		if g.stores[name], err = certs.Open(s.TLS, with); err != nil {
			return err
		}
	}
	if !protocol.HasSASL() {
		return nil
	}
	credentials := g.credentials
	if name == g.cfg.ControllerListenerNames[0] {
		if credentials.own, err = newOwnCredential(g.cfg.Peer.SASL); err != nil {
			return err
		}
	}
	o := sasl.Options{Credentials: credentials, Secret: g.decoySecret(), Costs: g.costs}
	if s.OAuth.JWKS != nil {
		v, err := oauth.New(s.OAuth, oauth.Options{Logger: g.logger})
		if err != nil {
			return err
		}
		g.validators[name], o.OAuth = v, v
	}
	g.servers[name], err = sasl.NewServer(s.SASL, o)
	return err
}

// decoySecret makes the answers about users that do not exist the same on all nodes, if they have a
// secret in common.
func (g *guard) decoySecret() []byte {
	if key := g.cfg.Security.DelegationToken.SecretKey; key != "" {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("salts of SASL users that do not exist"))
		return mac.Sum(nil)
	}
	return nil
}

// openPeers prepares the connections to other controllers, which have the protocol of the first
// controller listener.
func (g *guard) openPeers() error {
	first := g.cfg.ControllerListenerNames[0]
	if store := g.stores[first]; store != nil {
		g.peers.tls = store.Client
	}
	if !g.cfg.SecurityProtocols[first].HasSASL() {
		return nil
	}
	if g.cfg.Peer.SASL.Mechanism == "" {
		g.peers.refusal = errors.New("this node does not know how to authenticate at other " +
			"controllers: set sasl.mechanism.controller.protocol")
		return nil
	}
	var o sasl.ClientOptions
	if g.cfg.Peer.SASL.Mechanism == sasl.OAuthBearer {
		source, err := oauth.NewSource(g.cfg.Peer.OAuth, oauth.Options{Logger: g.logger})
		if err != nil {
			return err
		}
		g.source, o.Token, o.Refused = source, source.Token, source.Refused
	}
	dialogue, err := sasl.NewClient(g.cfg.Peer.SASL, o)
	g.peers.dialogue = dialogue
	return err
}

// listener returns the settings of a listener.
func (g *guard) listener(l config.Listener) kafkaproto.Listener {
	listener := kafkaproto.Listener{
		Name: l.Name, Address: l.HostPort.String(), SecurityProtocol: int16(l.Protocol),
	}
	if store := g.stores[l.Name]; store != nil {
		listener.TLS = store.Server()
		if !l.Protocol.HasSASL() {
			listener.Principal = store.Principal
		}
	}
	if server := g.servers[l.Name]; server != nil {
		s := g.cfg.Secure[l.Name].SASL
		listener.SASL, listener.SASLMaxBytes = server, s.MaxBytes
		listener.MaxReauth, listener.FailedDelay = s.MaxReauth, s.FailedDelay
	}
	return listener
}

// poll looks at the files of certificates from time to time, until close.
func (g *guard) poll(clock controller.Clock) {
	if g.ctx.Err() != nil {
		return
	}
	for _, store := range g.stores {
		store.Poll(clock.Now())
	}
	clock.AfterFunc(certificatesPoll, func() { g.poll(clock) })
}

// close ends what runs in the background. It may be called on nil, and again.
func (g *guard) close() {
	if g == nil {
		return
	}
	g.stop()
	g.running.Wait()
	for _, v := range g.validators {
		v.Close()
	}
	if g.source != nil {
		g.source.Close()
	}
}
