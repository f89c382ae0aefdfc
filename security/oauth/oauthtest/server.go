package oauthtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Server serves an issuer's JWKS and a token endpoint for client credentials, on the loopback
// address and an ephemeral port.
type Server struct {
	*httptest.Server
	JWKSURL, TokenURL string
	JWKSReads, Tokens atomic.Int64 // requests for the JWKS; tokens given out
}

// Serve starts a server, which ends with the test. clients maps the id of each client to its
// secret; the subject of a client's tokens is its id. change is applied to their claims, see
// Issuer.Claims.
func (i *Issuer) Serve(t testing.TB, clients map[string]string, change map[string]any) *Server {
	t.Helper()
	return i.serve(t, clients, change, httptest.NewServer)
}

// ServeTLS is Serve over HTTPS, with the certificate of net/http/httptest.
func (i *Issuer) ServeTLS(
	t testing.TB, clients map[string]string, change map[string]any,
) *Server {
	t.Helper()
	return i.serve(t, clients, change, httptest.NewTLSServer)
}

func (i *Issuer) serve(t testing.TB, clients map[string]string, change map[string]any,
	start func(http.Handler) *httptest.Server) *Server {
	t.Helper()
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		s.JWKSReads.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Write(i.JWKS())
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		id, secret, _ := r.BasicAuth()
		if want, known := clients[id]; !known || secret != want {
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"error":"invalid_client","error_description":"no such client"}`))
			return
		}
		if r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"error":"unsupported_grant_type"}`))
			return
		}
		s.Tokens.Add(1)
		json.NewEncoder(w).Encode(map[string]any{
			"access_token": i.Token(id, change), "token_type": "Bearer", "expires_in": 3600,
		})
	})
	s.Server = start(mux)
	t.Cleanup(s.Close)
	s.JWKSURL, s.TokenURL = s.URL+"/jwks", s.URL+"/token"
	return s
}
