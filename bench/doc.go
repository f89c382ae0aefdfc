// Command bench compares YAKt's controllers with Apache Kafka's: three nodes of each, with their
// defaults, on this machine, in turn, driven by the same client with the same work. The client
// speaks only Kafka's protocol and acts as brokers, administrators and observers of the metadata
// log.
//
//	go run ./bench                          # all cases, three rounds, both systems: about an hour
//	go run ./bench -scale small -case a,k   # two cases in minutes
//	go run ./bench -system yakt -case b -profile
//
// Every round gives each case a new quorum of each system, on empty directories, one after the
// other and in alternating order, so that disturbances of the machine affect both. The table shows
// minimum, median and maximum over the rounds, and the ratio of the systems round by round.
//
// Client and controllers share the machine: on few cores the client's own work is part of every
// measurement, for both systems alike. So the table also shows the controllers' processor time.
//
// A ratio says how many times better YAKt was, whether higher or lower values are better. A
// processor profile needs YAKt's yakt.debug.listeners, which -profile sets.
//
// Results go to bench/out: table.txt, results.json, results.svg and, with -profile, profiles.
package main
