// Package security runs YAKt's secured controllers with real Kafka brokers and tools: every
// protocol and mechanism, the authorizer, rotation of certificates, and strangers at every port. It
// consists of the tests only.
//
//	go test ./integration/security
//	go test ./integration/security -apache   the same against Apache's controllers, where they can
package security
