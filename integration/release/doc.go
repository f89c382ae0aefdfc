// Package release compares YAKt with what a release of Kafka defines: the APIs of the controller
// listener, the schemas of its messages, metadata and control records, errors, levels of features,
// and configs. It consists of tests only; docs/releases.md describes how a release is added.
package release
