//go:build !linux

package raftlog

import "os"

func dropCached(*os.File) {}
