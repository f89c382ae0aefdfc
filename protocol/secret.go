// Package protocol holds facts of Kafka's protocol and configuration that several packages share.
// It imports none of ours.
package protocol

import (
	"slices"
	"strings"
)

// Secret reports whether the value of a configuration key of that name must not be shown: the keys
// that Kafka's schema types PASSWORD, under a listener's prefix too, and names that plug-ins give
// to their secrets. It judges by the name alone, so it may hide a value that is no secret. Case
// does not matter.
func Secret(name string) bool {
	name = strings.ToLower(name)
	if hasEnding(name, "client.id") ||
		strings.HasPrefix(name, "password.encoder.") && !hasEnding(name, "secret") {
		return false // who asks for a token, and how passwords are encrypted
	}
	return slices.ContainsFunc(secretWords,
		func(word string) bool { return strings.Contains(name, word) }) ||
		slices.ContainsFunc(secretEndings, func(ending string) bool { return hasEnding(name, ending) })
}

// secretWords make a secret of every name that contains one of them.
var secretWords = []string{"password", "passwd", "passphrase", "secret", "credential", "jaas"}

// secretEndings make a secret of every name that ends with one of them, as whole words.
var secretEndings = []string{
	"token", "access.key", "account.key", "api.key", "apikey", "encryption.key", "keystore.key",
	"master.key", "private.key", "shared.key", "signing.key", "certificate.chain",
	"truststore.certificates", "user.info",
}

// hasEnding reports whether a name ends with whole words.
func hasEnding(name, ending string) bool {
	before, ok := strings.CutSuffix(name, ending)
	return ok && (before == "" || strings.ContainsAny(before[len(before)-1:], "._-"))
}
