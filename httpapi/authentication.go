package httpapi

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
)

// Authentication says how clients prove who they are. A nil function is a proof that this node does
// not accept. The functions are safe for concurrent use, and compare secrets in constant time. An
// error of type *security.Failure means that the proof is wrong, ErrBusy that it was not checked;
// any other is a fault of this node, of which the client learns nothing. The zero value knows
// nobody: every caller is anonymous.
type Authentication struct {
	// Protocol is the security protocol of the listeners (protocol.SSL and so on).
	Protocol int16
	// Required refuses requests without a proof, except those to public paths.
	Required bool
	// Certificate returns whom the client's certificate of a TLS connection names.
	Certificate func(tls.ConnectionState) (security.Identity, error)
	// Password returns who has a password, by SCRAM credentials or by the users of PLAIN. It takes
	// some time of the processor, and bounds how much of it all calls take.
	Password func(user, password string) (security.Identity, error)
	// Token returns the owner of a delegation token, by the token's id and its secret in base64.
	Token func(id, secret string) (security.Identity, error)
	// JWT returns whom a signed token of OAuth names.
	JWT func(token string) (security.Identity, error)
}

// takesAuthorization reports whether there is a proof that a header can carry.
func (a *Authentication) takesAuthorization() bool {
	return a.Password != nil || a.Token != nil || a.JWT != nil
}

// challenges are the values of WWW-Authenticate.
func (a *Authentication) challenges() []string {
	var all []string
	if a.Password != nil {
		all = append(all, `Basic realm="yakt", charset="UTF-8"`)
	}
	if a.Token != nil || a.JWT != nil {
		all = append(all, `Bearer realm="yakt"`)
	}
	if len(all) == 0 { // a 401 must have one
		all = append(all, `Certificate realm="yakt"`)
	}
	return all
}

// credentialBytesMax bounds the header Authorization.
const credentialBytesMax = 16 << 10

// authenticated puts the sender of a request into its context, or says why it is refused. It runs
// before anything of the request's body is read.
func (a *API) authenticated(r *http.Request) (*http.Request, *Problem) {
	c := a.anonymousCaller(r)
	ctx := r.Context()
	var problem *Problem
	if tunnelled(ctx) {
		problem = takeEnvelope(&c, r.Header)
	} else {
		var who security.Identity
		if who, problem = a.authenticate(&c, r); !who.Expires.IsZero() {
			ctx = context.WithValue(ctx, credentialsEnd{}, who.Expires)
		}
	}
	ctx = context.WithValue(ctx, clientAddr{}, c.ClientAddr)
	return r.WithContext(context.WithValue(ctx, callerKey{}, c)), problem
}

// credentialsEnd is the context key of the time when the credentials of a request expire.
type credentialsEnd struct{}

// anonymousCaller is the sender of a request that proves nothing.
func (a *API) anonymousCaller(r *http.Request) protocol.Caller {
	c := protocol.Caller{
		Listener: httpListener, Principal: protocol.Anonymous, ClientAddr: clientOf(r.Context()),
		ClientID: "http", SecurityProtocol: a.cfg.Auth.Protocol,
	}
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string }); ok {
		c.LocalAddr = at.String()
	}
	return c
}

func (a *API) authenticate(
	c *protocol.Caller, r *http.Request,
) (who security.Identity, _ *Problem) {
	header := r.Header.Get("Authorization")
	var err error
	switch {
	case header != "":
		if !a.cfg.Auth.takesAuthorization() {
			return who, a.unauthorized("This listener does not check user names, passwords and tokens " +
				"(yakt.http.security.protocol). Send the request without Authorization.")
		}
		if who, err = a.byHeader(header, c.ClientAddr); err != nil {
			return who, a.notAuthenticated(err, c.ClientAddr)
		}
	case a.cfg.Auth.Certificate != nil && r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		if who, err = a.cfg.Auth.Certificate(*r.TLS); err != nil {
			return who, a.notAuthenticated(err, c.ClientAddr)
		}
	case a.cfg.Auth.Required && !a.public(r.URL.Path):
		return who, a.unauthorized("This request needs credentials: " + a.proofs() + ".")
	default:
		return who, nil
	}
	if !who.Expires.IsZero() && !a.now().Before(who.Expires) {
		return who, a.unauthorized("The credentials have expired. Get new ones.")
	}
	c.Principal, c.TokenAuthenticated = who.Principal, who.TokenAuthenticated
	return who, nil
}

// public reports whether a path needs no credentials: health checks, the API's description, and
// paths that do not exist.
func (a *API) public(path string) bool {
	at, known := a.services[path]
	return !known || at.kind == healthKind
}

// proofs are the accepted proofs in words.
func (a *API) proofs() string {
	var all []string
	if a.cfg.Auth.Password != nil {
		all = append(all, "a user name and a password (Basic)")
	}
	if a.cfg.Auth.Token != nil {
		all = append(all, "a delegation token (Bearer <id>.<hmac>)")
	}
	if a.cfg.Auth.JWT != nil {
		all = append(all, "an OAuth token (Bearer)")
	}
	if a.cfg.Auth.Certificate != nil {
		all = append(all, "a client certificate")
	}
	return strings.Join(all, ", ")
}

// byHeader returns who the header Authorization proves to send a request.
func (a *API) byHeader(header, addr string) (security.Identity, error) {
	none := security.Identity{}
	scheme, proof, _ := strings.Cut(header, " ")
	proof = strings.TrimSpace(proof)
	switch auth := &a.cfg.Auth; {
	case len(header) > credentialBytesMax:
		return none, security.Failf(badCredentials, "Authorization has %d bytes", len(header))
	case strings.EqualFold(scheme, "Basic") && auth.Password != nil:
		user, password, ok := basicCredentials(proof)
		if !ok {
			return none, security.Failf(badCredentials, "Basic is not user:password in base64")
		}
		return a.verifier.password(addr, user, password)
	case strings.EqualFold(scheme, "Bearer"):
		return a.bearer(addr, proof)
	}
	return none, security.Failf("Authorization must be one of: "+a.proofs()+".",
		"the scheme of Authorization is not accepted")
}

// bearer tells a delegation token, its id and its secret in base64 with a dot between them, from a
// JWT, which has two dots.
func (a *API) bearer(addr, proof string) (security.Identity, error) {
	id, text, dotted := strings.Cut(proof, ".")
	if dotted && strings.Count(proof, ".") == 1 && a.cfg.Auth.Token != nil {
		return a.verifier.token(addr, id, text)
	}
	if a.cfg.Auth.JWT == nil {
		return security.Identity{}, security.Failf(badCredentials,
			"a Bearer token that is no delegation token, and OAUTHBEARER is not enabled")
	}
	return a.verifier.jwt(addr, proof)
}

// badCredentials is all that a client learns of wrong credentials.
const badCredentials = "The credentials are not valid."

func basicCredentials(proof string) (user, password string, ok bool) {
	text, err := base64.StdEncoding.DecodeString(proof)
	if err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(text), ":")
	return user, password, ok && user != ""
}

// notAuthenticated is the answer to a proof that does not hold. The log has the reason.
func (a *API) notAuthenticated(err error, addr string) *Problem {
	if slow, ok := errors.AsType[*tooManyGuesses](err); ok {
		return slow.problem()
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	failure, ok := errors.AsType[*security.Failure](err)
	if since, count, due := a.verifier.pace.Add(); due {
		a.cfg.Logger.Warn("requests over HTTP were not authenticated", "failed", since,
			"in_all", count, "client", addr, "reason", err)
	}
	if !ok {
		return internalFault()
	}
	told := failure.Told
	if told == "" {
		told = badCredentials
	}
	return a.unauthorized(sentence(told))
}

// unauthorized is the answer to a request that must come with other credentials.
func (a *API) unauthorized(detail string) *Problem {
	p := newProblem(http.StatusUnauthorized, kerr.SaslAuthenticationFailed, "%s", detail)
	p.challenges = a.cfg.Auth.challenges()
	return p
}

// refuseUnread writes a problem to a request whose body has not been read, and does not wait for
// the body.
func (a *API) refuseUnread(w http.ResponseWriter, r *http.Request, p *Problem) {
	if r.Body != nil && r.Body != http.NoBody {
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(min(lingerTimeout, a.cfg.BodyTimeout)))
	}
	writeProblem(w, p)
}

// callerKey is the context key of the request's sender.
type callerKey struct{}

// caller is the sender of a request as the controller sees it.
func caller(ctx context.Context) protocol.Caller {
	c, ok := ctx.Value(callerKey{}).(protocol.Caller)
	if !ok { // a test of an operation without its guard
		c = protocol.Caller{Listener: httpListener, Principal: protocol.Anonymous, ClientID: "http"}
	}
	return c
}

// securitySchemes describes the proofs for the OpenAPI document. Which of them a node accepts
// depends on its configuration.
func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		"basic": {
			Type: "http", Scheme: "basic",
			Description: "A user name and a password, of a SCRAM credential or of a user of PLAIN.",
		},
		"bearer": {
			Type: "http", Scheme: "bearer",
			Description: "A JWT of OAUTHBEARER, or a delegation token: its id, a dot, and its secret in " +
				"base64.",
		},
		"certificate": {Type: "mutualTLS", Description: "A client certificate."},
	}
}
