//go:build !race

package raftlog

// checked enables assertions that walk parts of the log.
const checked = false
