// Package tools runs Kafka's command line tools against YAKt and compares their output, line by
// line, with what they print against Apache Kafka's own controller. It consists of the test only.
//
// The files testdata/*.txt are transcripts: commands, and what each of them prints and returns on
// an Apache controller with Apache brokers, recorded. The test sets up YAKt with the same brokers,
// runs all commands in the same order, and fails where an output differs. Ids, times, addresses and
// offsets are replaced by names first. Intended differences are in testdata/differences/*.txt, each
// with its reason and with what the tool prints on YAKt; one that no longer occurs fails the test.
//
//	go test ./integration/tools                           YAKt against the recording
//	go test ./integration/tools -sides apache,yakt        both in the same run
//	go test ./integration/tools -sides apache -record     record Apache's side again
//	go test ./integration/tools -sides yakt -report FILE  also write all differences to a file
//
// # Transcripts
//
//	# a comment
//	% directive that prepares something, or that concerns the next command
//	$ kafka-topics --bootstrap-server $B --list   # a comment that tells two equal commands apart
//	< a line of the tool's standard input
//	> a line of its standard output
//	! a line of its standard error
//	= its exit code, if that is not 0
package tools
