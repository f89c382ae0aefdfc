// Package scenario holds scenarios that must work with any controller quorum, as functions of a
// test and a quorum. Against Apache's controllers they verify the tests, against YAKt's they verify
// YAKt.
package scenario
