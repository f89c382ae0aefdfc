package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
)

// sign signs a text with the key's algorithm.
func (k Key) sign(text string) []byte {
	if k.Alg == "EdDSA" {
		return ed25519.Sign(k.Signer.(ed25519.PrivateKey), []byte(text))
	}
	hash := map[string]crypto.Hash{
		"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512,
	}[k.Alg[2:]]
	h := hash.New()
	h.Write([]byte(text))
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(k.Alg, "PS") {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature, err := k.Signer.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		panic(err)
	}
	if private, ok := k.Signer.(*ecdsa.PrivateKey); ok {
		return joinedECDSA(signature, (private.Curve.Params().BitSize+7)/8)
	}
	return signature
}

// joinedECDSA turns an ASN.1 signature into the two numbers of size bytes that JWS wants.
func joinedECDSA(signature []byte, size int) []byte {
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &numbers); err != nil {
		panic(err)
	}
	joined := make([]byte, 2*size)
	numbers.R.FillBytes(joined[:size])
	numbers.S.FillBytes(joined[size:])
	return joined
}

// Set returns the public keys as a JWK set.
func Set(keys ...Key) []byte {
	jwks := make([]map[string]any, 0, len(keys))
	for _, k := range keys {
		jwks = append(jwks, k.JWK())
	}
	return []byte(JSON(map[string]any{"keys": jwks}))
}

// JWK returns the public key as the members of a JWK.
func (k Key) JWK() map[string]any {
	jwk := map[string]any{"kid": k.Kid, "alg": k.Alg, "use": "sig"}
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.Signer.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"] = "RSA"
		jwk["n"] = encode(public.N.Bytes())
		jwk["e"] = encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().BitSize + 7) / 8
		point, err := public.Bytes() // 4, x, y
		if err != nil {
			panic(err)
		}
		jwk["kty"] = "EC"
		jwk["crv"] = public.Curve.Params().Name
		jwk["x"], jwk["y"] = encode(point[1:1+size]), encode(point[1+size:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(public)
	}
	return jwk
}
