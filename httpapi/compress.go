package httpapi

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	// compressMin is the size in bytes from which an answer is compressed. Smaller ones fit a
	// packet anyway.
	compressMin = 1024
	// compressorBytes is about the memory of a gzip writer. It is taken from the budget; an answer
	// for which the budget has no room is sent as it is.
	compressorBytes = 1 << 20
	// compressPiece is how many bytes are compressed between two chances for other requests.
	compressPiece = 64 << 10
)

// compressors holds gzip writers for reuse: each is about compressorBytes.
var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return w
}}

// acceptsGzip reports whether a request's Accept-Encoding allows gzip (RFC 9110, 12.5.3).
func acceptsGzip(h http.Header) bool {
	gzipQ, anyQ := -1.0, -1.0
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		q := quality(params)
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			gzipQ = max(gzipQ, q)
		case "*":
			anyQ = q
		}
	}
	if gzipQ >= 0 {
		return gzipQ > 0
	}
	return anyQ > 0
}

// quality is the weight among the parameters of a coding; 1 without one, 0 if it is malformed.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || q < 0 || q > 1 {
			return 0
		}
		return q
	}
	return 1
}

// compressible reports whether answers of a media type are compressed: text, but no streams of
// events, each of which must reach the client at once, and no snapshots.
func compressible(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	switch media = strings.TrimSpace(media); {
	case media == eventStream:
		return false
	case strings.HasPrefix(media, "text/"):
		return true
	}
	return strings.HasSuffix(media, "json") || strings.HasSuffix(media, "yaml") ||
		media == "application/xml"
}

// body is the encoding of a reply's body. The first bytes are held back until there are enough of
// them to be worth compressing, or the answer is complete.
type body struct {
	gzip    bool   // the client accepts it
	share   *share // of the budget; nil: no compression
	decided bool   // the status is sent, and with it the encoding
	held    []byte // at most compressMin bytes
	writer  *gzip.Writer
}

// decide sends the status and what is held, compressed if that is worth it.
func (w *reply) decide(large bool) error {
	w.body.decided = true
	h := w.Header()
	if compressible(h.Get("Content-Type")) && h.Get("Content-Encoding") == "" {
		h.Add("Vary", "Accept-Encoding")
		if large && w.body.gzip && w.body.share.tryTake(compressorBytes) {
			w.body.writer = compressors.Get().(*gzip.Writer)
			w.body.writer.Reset(sink{w})
			h.Set("Content-Encoding", "gzip")
			h.Del("Content-Length")
			if tag := h.Get("ETag"); tag != "" {
				h.Set("ETag", gzipTag(tag))
			}
		}
	}
	w.ResponseWriter.WriteHeader(w.status)
	held := w.body.held
	w.body.held = nil
	if len(held) == 0 {
		return nil
	}
	return w.encode(held)
}

// encode writes a part of the body in the answer's encoding.
func (w *reply) encode(b []byte) error {
	if w.body.writer == nil {
		_, err := sink{w}.Write(b)
		return err
	}
	for len(b) > 0 {
		n := min(len(b), compressPiece)
		if _, err := w.body.writer.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		if w.turn != nil && w.turn.at.Held() {
			w.turn.yield()
		}
	}
	return nil
}

// end completes the body of a request that was served. Without it the answer is incomplete.
func (w *reply) end() error {
	if !w.begun {
		return nil
	}
	var err error
	if !w.body.decided {
		err = w.decide(false)
	}
	if gz := w.body.writer; gz != nil {
		err = gz.Close()
	}
	w.drop()
	w.lost = w.lost || err != nil
	return err
}

// drop gives the gzip writer back, whether the answer is complete or not.
func (w *reply) drop() {
	if gz := w.body.writer; gz != nil {
		w.body.writer = nil
		gz.Reset(nil)
		compressors.Put(gz)
	}
}

// sink writes encoded bytes of a reply to the connection.
type sink struct{ w *reply }

// Write is part of io.Writer. It may let other requests have their turn.
func (s sink) Write(b []byte) (int, error) {
	var n int
	err := s.w.turn.blocking(func() (err error) {
		n, err = s.w.ResponseWriter.Write(b)
		return err
	})
	s.w.lost = s.w.lost || err != nil
	return n, err
}
