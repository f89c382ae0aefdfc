// Package scenario holds what must work with any controller quorum, as functions of a test and a quorum: run against
// Apache's controllers they prove the tests, run against YAKt's they prove YAKt.
package scenario
