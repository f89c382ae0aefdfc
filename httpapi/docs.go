package httpapi

import (
	"embed"
	"encoding/json"
	"net/http"
	"sync"
)

// files are the page that renders the OpenAPI document. It loads nothing from other hosts.
//
//go:embed docs/index.html docs/docs.js docs/docs.css
var files embed.FS

// contentPolicy restricts the page to files of this node.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// pages serves the OpenAPI document and the page that renders it.
func (a *API) pages(mux *http.ServeMux) {
	document := func(path, contentType string, encode func() ([]byte, error)) {
		once := sync.OnceValues(encode)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			data, err := once()
			if err != nil {
				panic(err)
			}
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(data)
		})
	}
	toJSON := func() ([]byte, error) { return json.Marshal(a.OpenAPI()) }
	document("/openapi.json", "application/openapi+json", toJSON)
	document("/openapi.yaml", "application/openapi+yaml", a.OpenAPI().YAML)
	for path, file := range map[string]struct{ name, contentType string }{
		"/docs":          {"docs/index.html", "text/html; charset=utf-8"},
		"/docs/docs.js":  {"docs/docs.js", "text/javascript; charset=utf-8"},
		"/docs/docs.css": {"docs/docs.css", "text/css; charset=utf-8"},
	} {
		data, err := files.ReadFile(file.name)
		if err != nil {
			panic(err)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.contentType)
			w.Header().Set("Content-Security-Policy", contentPolicy)
			_, _ = w.Write(data)
		})
	}
}
