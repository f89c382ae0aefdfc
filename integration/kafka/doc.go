// Package kafka starts what YAKt's integration tests stand on: real Apache Kafka brokers,
// controllers and command line tools of several releases, YAKt's own controllers, and franz-go
// clients that keep a ledger of what was acknowledged.
//
// Artifacts come from Maven once per release and machine, into YAKT_TEST_CACHE or else the user's
// cache folder. Java 17 or later and mvn are needed; without them a test fails and says so.
// Everything else of a test lives in its temporary folder, listens on loopback only, and is stopped
// by process id at the end of the test; a child also dies with the test process itself (Linux).
//
// Functions that take a testing.TB fail that test and may be called from its goroutine only.
// Functions that return an error may be called from any.
//
//	apache := kafka.StartControllers(t, 3, kafka.ControllerOptions{})
//	quorum := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{})
//	broker := kafka.StartBroker(t, quorum, kafka.BrokerOptions{ID: 1})
//	client := kafka.NewClient(t, kafka.Addrs(broker))
package kafka
