// Package authorizer compares our decisions about who may do what with those of Kafka's
// StandardAuthorizer class, for random access control entries and questions. It consists of the
// test only:
//
//	go test ./integration/authorizer -sets 10000
//
// Each set of entries comes from a seed of its own, which a failure names. See sets_test.go for
// what the sets and questions are made of.
//
// Not compared, because Kafka does not decide them: questions about names whose first character
// precedes the asterisk in ASCII (space ! " # $ % & ' ( ) and control characters) when an entry of
// the same type has a name that begins alike. StandardAuthorizer then throws an exception or
// searches forever. Ours treats these names as all others. And a principal "User:*" that asks,
// which makes it throw; ours denies it everything.
package authorizer
