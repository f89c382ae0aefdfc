// Package protocol holds facts of Kafka's protocol and configuration that several packages share.
// It imports none of them.
package protocol

import (
	"slices"
	"strings"
)

// Secret reports whether the value of a configuration key must not be shown: the keys that Kafka's
// schema types PASSWORD, also under a listener's prefix, and names that plug-ins use for secrets.
// It goes by the name alone, so it may hide a value that is no secret. Case does not matter.
func Secret(name string) bool {
	name = strings.ToLower(name)
	if hasEnding(name, "client.id") ||
		strings.HasPrefix(name, "password.encoder.") && !hasEnding(name, "secret") {
		return false // names of clients, and parameters of encryption
	}
	return slices.ContainsFunc(secretWords,
		func(word string) bool { return strings.Contains(name, word) }) ||
		slices.ContainsFunc(secretEndings, func(ending string) bool { return hasEnding(name, ending) })
}

// secretWords mark every name that contains one of them.
var secretWords = []string{"password", "passwd", "passphrase", "secret", "credential", "jaas"}

// secretEndings mark every name that ends with one of them, in whole words.
var secretEndings = []string{
	"token", "access.key", "account.key", "api.key", "apikey", "encryption.key", "keystore.key",
	"master.key", "private.key", "shared.key", "signing.key", "certificate.chain",
	"truststore.certificates", "user.info",
}

// hasEnding reports whether a name ends with ending, in whole words.
func hasEnding(name, ending string) bool {
	before, ok := strings.CutSuffix(name, ending)
	return ok && (before == "" || strings.ContainsAny(before[len(before)-1:], "._-"))
}
