package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxJWKSBytes is the size of the largest JWKS document that is read. Kafka's is the same.
	MaxJWKSBytes = 512 << 10
	// MaxKeys is the number of usable keys of a JWKS; a document with more is refused.
	MaxKeys = 256
	// maxTries is the number of keys that are tried for one token.
	maxTries = 8
	// minRSABits is the least size of an RSA key, as RFC 7518 has it.
	minRSABits = 2048
)

// algorithms are those that a token may be signed with: all with a public key.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// key is one public key for signatures. Its type and alg decide which algorithms it verifies.
type key struct {
	kid, alg string
	public   any
}

// keySet is the usable keys of one JWKS document. It does not change.
type keySet struct {
	keys    []key
	ignored []string // why the other keys of the document are not used
}

// parseKeys reads a JWKS document. Keys that cannot verify tokens are ignored, as in Kafka.
func parseKeys(document []byte) (*keySet, error) {
	if len(document) > MaxJWKSBytes {
		return nil, fmt.Errorf("the JWKS is larger than %d bytes", MaxJWKSBytes)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	if set.Keys == nil {
		return nil, errors.New(`not a JSON Web Key Set: there is no member "keys"`)
	}
	s := &keySet{}
	for i, raw := range set.Keys {
		k, err := parseKey(raw)
		if err != nil {
			s.ignored = append(s.ignored, fmt.Sprintf("key %d: %v", i, err))
			continue
		}
		if s.keys = append(s.keys, k); len(s.keys) > MaxKeys {
			return nil, fmt.Errorf("the JWKS has more than %d keys", MaxKeys)
		}
	}
	return s, nil
}

// parseKey reads one key, and refuses those that are not for signatures with a public key.
func parseKey(raw json.RawMessage) (key, error) {
	var jwk jose.JSONWebKey
	var more struct {
		Operations []string `json:"key_ops"`
	}
	if err := errors.Join(json.Unmarshal(raw, &jwk), json.Unmarshal(raw, &more)); err != nil {
		return key{}, err
	}
	if jwk.Use != "" && jwk.Use != "sig" {
		return key{}, fmt.Errorf("its use is %q", clip(jwk.Use))
	}
	if more.Operations != nil && !slices.Contains(more.Operations, "verify") {
		return key{}, errors.New("its key_ops are without verify")
	}
	k := key{jwk.KeyID, jwk.Algorithm, jwk.Public().Key}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return key{}, fmt.Errorf("an RSA key of less than %d bits", minRSABits)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return key{}, errors.New("not a public key for signatures")
	}
	return k, nil
}

// candidates returns the keys that may have signed a token, at most maxTries. A token's kid must be
// the key's; a token without one may be signed by any key.
func (s *keySet) candidates(kid *string, alg jose.SignatureAlgorithm) []key {
	var found []key
	for _, k := range s.keys {
		if (kid == nil || k.kid == *kid) && (k.alg == "" || k.alg == string(alg)) &&
			fits(k.public, alg) {
			if found = append(found, k); len(found) == maxTries {
				break
			}
		}
	}
	return found
}

// fits reports whether an algorithm is one of the key's.
func fits(public any, alg jose.SignatureAlgorithm) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return alg[0] == 'R' || alg[0] == 'P'
	case *ecdsa.PublicKey:
		curves := map[jose.SignatureAlgorithm]string{
			jose.ES256: "P-256", jose.ES384: "P-384", jose.ES512: "P-521",
		}
		return curves[alg] == public.Curve.Params().Name
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}
