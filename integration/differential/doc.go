// Package differential runs the same random operations through Apache Kafka's own controller and through ours, and holds every answer and
// every record of the one against the other's. There is nothing in it but the test.
//
// Kafka's side is its ControllerApis over its QuorumController in a Java process, with a log in memory and a clock that stands still (see
// testdata/Differential.java); ours is a controller.Controller with the same. An operation runs through ours first; Kafka's then gets the very
// same bytes, tells what it would have written, and goes on with what ours wrote. So the two have the same log at all times: topic ids, epochs
// and offsets are equal without any mapping, and one difference does not bring forth others.
//
// Differences that are wanted stand in differences_test.go, each with what exactly it may change in Kafka's answer. Anything else is a failure,
// which is shrunk to few steps and printed with its seed.
package differential
