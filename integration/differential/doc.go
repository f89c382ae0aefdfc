// Package differential runs the same random operations through Apache Kafka's own controller and
// through ours, and compares every answer and every record. It consists of the test only.
//
// Kafka's side is its ControllerApis over its QuorumController in a Java process, with a log in
// memory and a clock that stands still (see testdata/Differential.java); ours is a
// controller.Controller with the same. Each operation runs through ours first. Kafka's then gets
// the very same bytes and reports the records that it would write, but its log continues with the
// records that ours wrote. So both have the same log at all times: topic ids, epochs and offsets
// are equal without any mapping, and one difference does not cause others.
//
// Intended differences are listed in differences_test.go, each with exactly the change that it
// makes to Kafka's outcome. Any other difference is a failure, which is shrunk to few steps and
// printed with its seed.
package differential
