//go:build !linux

package kafka

import "syscall"

// dieWithParent does nothing where the kernel has no parent-death signal; there only the cleanup at
// the end of a test stops children.
func dieWithParent() *syscall.SysProcAttr { return nil }
