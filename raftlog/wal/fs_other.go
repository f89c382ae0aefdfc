//go:build !linux

package wal

import "errors"

func (f osFile) Datasync() error { return f.Sync() }

func (osFS) OpenDirect(string) (DirectFile, error) { return nil, errors.ErrUnsupported }
