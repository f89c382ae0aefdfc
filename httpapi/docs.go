package httpapi

import (
	"embed"
	"net/http"
)

// The page that renders the OpenAPI document is our own and asks nobody but this node.
//
//go:embed docs/index.html docs/docs.js docs/docs.css
var page embed.FS

// docs serves the page. What it may load is said to the browser, too.
func (a *API) docs(mux *http.ServeMux) {
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
