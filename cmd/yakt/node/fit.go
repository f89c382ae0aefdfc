package node

import "github.com/yakt/yakt/config"

// foundingError says why it cannot be read what a directory was formatted with. Only a node without
// a log needs that.
type foundingError struct{ err error }

func (e *foundingError) Error() string { return e.err.Error() }
func (e *foundingError) Unwrap() error { return e.err }

// Fit says whether a node may be started on the directory with this configuration, and reads what
// the directory was formatted with. It changes nothing.
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

// hasLog says whether a write-ahead log is there.
func (d *Directory) hasLog() bool { return d.Log.Exists }
