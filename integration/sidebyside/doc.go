// Package sidebyside sends one script of requests over TCP to an Apache Kafka controller and to a
// yakt process, and compares every response and every record. It consists of the test only.
//
// The script is testdata/*/*.txt. The files of one directory run in order against one pair of
// controllers, which its first command starts ("cluster"). Further commands: "registered" waits for
// the controllers' own registrations, "raw" sends any bytes, "versions" and "truncated" send what
// is to be refused of every request, "acls" replaces all ACLs, "lock" creates those after which the
// script's own connections may do nothing. Any other command is a request, named as in kmsg, whose
// body is YAML over the fields of kmsg's struct; fields that it omits have Kafka's default. The
// expected output is Apache's answers, as recorded by "go test -rewrite"; without -rewrite they are
// compared as well, so the script stays true.
//
// A request is sent in every version that Apache's controllers serve and, if brokers forward it, in
// an ENVELOPE too. Arguments change that:
//
//	v=2-4           only these versions
//	once            only the newest version, not forwarded
//	direct          not forwarded
//	forwarded       only forwarded
//	as=User:alice   only forwarded, on behalf of a principal
//	from=10.1.2.3   with that client address in the envelope
//	full            shows long lists of configs, which are compared in any case, as a whole
//	set=(x,A.0.B)   gives the value at a path in the answer a name; implies once
//
// In a body, $x is a named value ($x+1 works for numbers), $cluster the cluster's id, $leader the
// quorum's epoch, <c*1000> is a character repeated, and $u is a text that differs in each version
// and form, for names of what is to be created; %v is the version's number.
//
// Answers are shown without the fields that have the default, and with names in place of what
// differs between two runs: ids, epochs of brokers, offsets, times, addresses. After the last file
// kafka-dump-log prints both logs, and the records that each request led to are compared after the
// same replacement.
//
// Intended differences are in testdata/differences.yaml with their reasons. Any other difference
// fails the test, and so does an intended one that no longer occurs.
package sidebyside
