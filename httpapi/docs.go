package httpapi

import (
	"embed"
	"encoding/json"
	"net/http"
	"sync"
)

// The page that renders the OpenAPI document is our own and asks nobody but this node.
//
//go:embed docs/index.html docs/docs.js docs/docs.css
var page embed.FS

// docs serves the description of the API, and the page. What that may load is said to the browser, too.
func (a *API) docs(mux *http.ServeMux) {
	describe := func(path, contentType string, encode func() ([]byte, error)) {
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
	describe("/openapi.json", "application/openapi+json", func() ([]byte, error) { return json.Marshal(a.OpenAPI()) })
	describe("/openapi.yaml", "application/openapi+yaml", a.OpenAPI().YAML)
	for path, file := range map[string]struct{ name, contentType string }{
		"/docs":          {"docs/index.html", "text/html; charset=utf-8"},
		"/docs/docs.js":  {"docs/docs.js", "text/javascript; charset=utf-8"},
		"/docs/docs.css": {"docs/docs.css", "text/css; charset=utf-8"},
	} {
		data, err := page.ReadFile(file.name)
		if err != nil {
			panic(err)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", file.contentType)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
			_, _ = w.Write(data)
		})
	}
}
