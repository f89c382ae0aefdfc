//go:build !linux

package kafka

import "syscall"

// dieWithParent does nothing where the kernel has no parent-death signal: there, cleanup at the end of a test is all.
func dieWithParent() *syscall.SysProcAttr { return nil }
