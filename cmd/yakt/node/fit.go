package node

import "github.com/yakt/yakt/config"

// foundingError says why the files written by format cannot be read. Only a node without a log
// needs them.
type foundingError struct{ err error }

func (e *foundingError) Error() string { return e.err.Error() }
func (e *foundingError) Unwrap() error { return e.err }

// Fit returns what the directory was formatted with, or an error if a node must not start on it
// with this configuration. It changes nothing.
func (d *Directory) Fit(cfg *config.Config) (founding, error) {
	if err := d.startable(cfg); err != nil {
		return founding{}, err
	}
	if err := cfg.CheckMetaProperties(*d.Meta); err != nil {
		return founding{}, err
	}
	f, err := d.readFounding(cfg.Controller.UnstableFeatureVersions)
	if err != nil {
		return founding{}, &foundingError{err}
	}
	return f, d.checkFoundingVoters(cfg, f.voters)
}

// hasLog reports whether there is a write-ahead log.
func (d *Directory) hasLog() bool { return d.Log.Exists }
