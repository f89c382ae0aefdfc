package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
)

// scramHash is a hash function of SCRAM and the keys made with it. Kafka uses passwords as they
// are, without SASLprep.
type scramHash struct {
	mechanism string
	new       func() hash.Hash
}

var scramHashes = map[string]scramHash{
	ScramSHA256: {ScramSHA256, sha256.New},
	ScramSHA512: {ScramSHA512, sha512.New},
}

func (h scramHash) size() int { return h.new().Size() }

func (h scramHash) hmac(key []byte, text string) []byte {
	mac := hmac.New(h.new, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (h scramHash) sum(b []byte) []byte {
	sum := h.new()
	sum.Write(b)
	return sum.Sum(nil)
}

// salted is SaltedPassword, the expensive part: iterations times two hashes.
func (h scramHash) salted(password string, salt []byte, iterations int) ([]byte, error) {
	return pbkdf2.Key(h.new, password, salt, iterations, h.size())
}

func (h scramHash) clientKey(salted []byte) []byte { return h.hmac(salted, "Client Key") }
func (h scramHash) serverKey(salted []byte) []byte { return h.hmac(salted, "Server Key") }

// derive makes the credential of a password.
func (h scramHash) derive(password string, salt []byte, iterations int) (Credential, error) {
	salted, err := h.salted(password, salt, iterations)
	if err != nil {
		return Credential{}, err
	}
	return NewCredential(h.mechanism, salted, salt, iterations), nil
}

// proves reports whether a proof comes from the owner of a credential.
func (h scramHash) proves(proof []byte, c Credential, authMessage string) bool {
	signature := h.hmac(c.StoredKey, authMessage)
	if len(proof) != len(signature) {
		return false
	}
	clientKey := make([]byte, len(proof))
	subtle.XORBytes(clientKey, proof, signature)
	return hmac.Equal(h.sum(clientKey), c.StoredKey)
}

// prove makes the proof that its owner knows a client key.
func (h scramHash) prove(clientKey []byte, authMessage string) []byte {
	proof := h.hmac(h.sum(clientKey), authMessage)
	subtle.XORBytes(proof, proof, clientKey)
	return proof
}

// Salt returns the salted password of a mechanism of SCRAM, which takes as long as the iterations.
func Salt(mechanism, password string, salt []byte, iterations int) ([]byte, error) {
	return scramHashes[mechanism].salted(password, salt, iterations)
}

// NewCredential makes a credential from a salted password.
func NewCredential(mechanism string, salted, salt []byte, iterations int) Credential {
	h := scramHashes[mechanism]
	return Credential{Salt: salt, StoredKey: h.sum(h.clientKey(salted)),
		ServerKey: h.serverKey(salted), Iterations: iterations}
}
