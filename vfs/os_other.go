//go:build !linux

package vfs

import "errors"

func (f osFile) Datasync() error { return f.Sync() }

// OpenDirect implements FS: direct writes are used on Linux only.
func (OS) OpenDirect(string) (DirectFile, error) { return nil, errors.ErrUnsupported }

// DropCached does nothing on this system.
func DropCached(File) {}
