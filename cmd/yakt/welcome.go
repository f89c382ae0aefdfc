package main

import (
	"fmt"
	"os"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
)

// welcome is the text that a start with the built-in configuration prints: the addresses of the
// node, and commands to paste next.
func welcome(n *node.Node, cfg *config.Config) string {
	controllers, yakt := n.Endpoints()[0], os.Args[0]
	return fmt.Sprintf(
		"\nYAKt is running: a Kafka controller quorum of one node, in %s. Ctrl-C stops it.\n"+
			"\n  Kafka's protocol  %s  (cluster id %s)\n  HTTP API          %s\n\n",
		cfg.Storage.MetadataLogDir, controllers, n.ClusterID(), httpLine(n.HTTPAddr()),
	) +
		look(yakt, n.HTTPAddr()) +
		broker(controllers, n.ClusterID(), cfg.ControllerListenerNames[0])
}

func httpLine(address string) string {
	if address == "" {
		return "none; set yakt.http.listeners to have one"
	}
	return fmt.Sprintf("http://%s/docs lists and describes all operations", address)
}

// look returns commands that query the node from another terminal.
func look(yakt, address string) string {
	if address == "" {
		return ""
	}
	return fmt.Sprintf(`In another terminal:

%[1]s quorum status --server %[2]s
curl -s %[2]s/v1/quorum

`, yakt, address)
}

// broker returns the commands that attach a real broker. They are not indented: a shell finds the
// end of a here-document only at the start of a line.
func broker(controllers, cluster, listener string) string {
	return fmt.Sprintf(
		`To attach a real broker, name the folder of Apache Kafka 4.x in the first line and paste:

KAFKA=~/kafka_2.13-4.4.0
cat > broker.properties <<END
process.roles=broker
node.id=1001
controller.quorum.bootstrap.servers=%[1]s
controller.listener.names=%[3]s
listeners=PLAINTEXT://127.0.0.1:9092
listener.security.protocol.map=%[3]s:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=/tmp/yakt-broker
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
END
$KAFKA/bin/kafka-storage.sh format --ignore-formatted --cluster-id %[2]s --config broker.properties
$KAFKA/bin/kafka-server-start.sh broker.properties

Then, in a third terminal:

KAFKA=~/kafka_2.13-4.4.0
$KAFKA/bin/kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic hello
$KAFKA/bin/kafka-metadata-quorum.sh --bootstrap-controller %[1]s describe --status

`, controllers, cluster, listener,
	)
}
