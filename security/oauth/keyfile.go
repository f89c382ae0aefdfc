package oauth

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/yakt/yakt/limits"
)

// fileCheckInterval is the least time between two looks at whether a file has changed.
const fileCheckInterval = time.Second

// watched is a file that is read again when its time or size changes. It is safe for concurrent
// use. A change that cannot be read is logged, and the value before it stays in use.
type watched[T any] struct {
	path   string
	secret bool // others should not be able to read it
	parse  func([]byte) (T, error)
	most   int64 // bytes
	logger *slog.Logger

	mu       sync.Mutex
	value    T
	modified time.Time // of what value was read from
	size     int64
	checked  time.Time
	pace     limits.Pace
}

// open reads the file for the first time.
func (w *watched[T]) open(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checked = now
	return w.load()
}

// get returns the newest value that could be read.
func (w *watched[T]) get(now time.Time) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.checked) >= fileCheckInterval || now.Before(w.checked) {
		w.checked = now
		if err := w.load(); err != nil {
			if _, _, due := w.pace.Add(); due {
				w.logger.Warn("a changed file cannot be used; what was read before it stays in use",
					"file", w.path, "err", err)
			}
		}
	}
	return w.value
}

// checkSoon makes the next get look whether the file has changed.
func (w *watched[T]) checkSoon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checked = time.Time{}
}

// load reads the file if it has changed.
func (w *watched[T]) load() error {
	info, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", w.path)
	}
	if info.ModTime().Equal(w.modified) && info.Size() == w.size {
		return nil
	}
	content, err := readAtMost(w.path, w.most)
	if err != nil {
		return err
	}
	value, err := w.parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	if w.secret && info.Mode()&0o077 != 0 {
		w.logger.Warn("other users of this machine can read a secret; take that away: chmod go-rwx "+
			w.path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	}
	w.value, w.modified, w.size = value, info.ModTime(), info.Size()
	return nil
}

// readAtMost reads a file of at most most bytes.
func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return content, nil
}

// keyFile is a JWKS in a file.
type keyFile struct{ file watched[*keySet] }

func openKeyFile(path string, o Options) (*keyFile, error) {
	parse := func(document []byte) (*keySet, error) {
		set, err := parseKeys(document)
		if err == nil {
			logKeys(o.Logger, path, set)
		}
		return set, err
	}
	f := &keyFile{watched[*keySet]{
		path: path, parse: parse, most: MaxJWKSBytes, logger: o.Logger,
	}}
	if err := f.file.open(o.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w", keyJWKS, err)
	}
	return f, nil
}

func (f *keyFile) current(now time.Time) *keySet { return f.file.get(now) }
func (f *keyFile) missing()                      {}
func (f *keyFile) close()                        {}

// logKeys tells which keys a new JWKS has.
func logKeys(logger *slog.Logger, from string, set *keySet) {
	logger.Info("keys of the issuer of tokens", "from", from, "usable", len(set.keys),
		"ignored", len(set.ignored))
	if len(set.keys) == 0 {
		logger.Warn("the JWKS has no usable key, so no token will be taken", "from", from)
	}
	for i, why := range set.ignored {
		if i == 5 {
			break
		}
		logger.Warn("a key of the JWKS is ignored", "from", from, "why", why)
	}
}
