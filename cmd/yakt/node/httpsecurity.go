package node

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"time"

	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/sasl"
)

// The guard has the certificates and the SASL server of the HTTP listeners under the name
// httpEndpoint. HTTP has no SASL exchange: a password or a token in a request's header is checked
// as the corresponding mechanism would check it.

// httpTLS is the configuration of TLS for HTTP listeners; nil without TLS.
func (g *guard) httpTLS() *tls.Config {
	if store := g.stores[httpEndpoint]; store != nil {
		return store.Server()
	}
	return nil
}

// authentication says how the HTTP API authenticates its clients: by Basic if PLAIN or SCRAM is
// enabled, by delegation tokens if SCRAM is enabled and there are tokens, by JWTs if OAUTHBEARER is
// enabled, and by certificates if TLS asks for them.
func (g *guard) authentication() httpapi.Authentication {
	protocol := g.cfg.HTTP.Protocol
	a := httpapi.Authentication{Protocol: int16(protocol), Required: protocol.HasSASL()}
	if store := g.stores[httpEndpoint]; store != nil &&
		store.Settings().ClientAuth != tls.NoClientCert {
		a.Certificate = store.Principal
	}
	server := g.servers[httpEndpoint]
	if server == nil {
		return a
	}
	scram := slices.ContainsFunc(server.Mechanisms(), func(m string) bool {
		return m == sasl.ScramSHA256 || m == sasl.ScramSHA512
	})
	if scram || slices.Contains(server.Mechanisms(), sasl.Plain) {
		a.Password = func(user, password string) (security.Identity, error) {
			who, err := server.Password(user, password)
			if errors.Is(err, sasl.ErrBusy) {
				err = httpapi.ErrBusy
			}
			return who, err
		}
	}
	if scram && g.cfg.Security.DelegationToken.SecretKey != "" {
		a.Token = server.Token
	}
	if v := g.validators[httpEndpoint]; v != nil {
		a.JWT = func(token string) (security.Identity, error) {
			return v.Validate(context.Background(), token, time.Now())
		}
	}
	return a
}
