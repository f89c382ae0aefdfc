package certs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// PKCS#8 keys encrypted by PBES2 (RFC 8018), with the ciphers and hashes that OpenSSL and Java
// write. The older schemes derive keys too weakly, and are refused.

type encryptedPKCS8 struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	Derivation, Cipher pkix.AlgorithmIdentifier
}

// withLength and withoutLength are the two forms of PBKDF2's parameters: encoding/asn1 cannot tell
// which of two optional fields of a sequence is there.
type withLength struct {
	Salt       []byte
	Iterations int
	Length     int
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

type withoutLength struct {
	Salt       []byte
	Iterations int
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
	oidSHA1   = "1.2.840.113549.2.7"
	// maxIterations bounds the time that deriving a key takes, to about a second.
	maxIterations = 10_000_000
)

var pbkdf2Hashes = map[string]func() hash.Hash{
	oidSHA1:               sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

type blockCipher struct {
	keyBytes int
	make     func(key []byte) (cipher.Block, error)
}

var pbes2Ciphers = map[string]blockCipher{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

func unsupported(what string, oid asn1.ObjectIdentifier) error {
	return fmt.Errorf("its private key is encrypted with %s %s, which is not supported (%s)",
		what, oid, pkcs8Hint)
}

// decryptPKCS8 returns the DER of the key. A wrong password gives an error or garbage.
func decryptPKCS8(der, password []byte) ([]byte, error) {
	var outer encryptedPKCS8
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("its encrypted private key is not PKCS#8 (%s)", pkcs8Hint)
	}
	if outer.Algorithm.Algorithm.String() != oidPBES2 {
		return nil, unsupported("the scheme", outer.Algorithm.Algorithm)
	}
	var scheme pbes2
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, fmt.Errorf("its encrypted private key has bad parameters: %w", err)
	}
	with, ok := pbes2Ciphers[scheme.Cipher.Algorithm.String()]
	if !ok {
		return nil, unsupported("the cipher", scheme.Cipher.Algorithm)
	}
	key, err := deriveKey(scheme.Derivation, password, with.keyBytes)
	if err != nil {
		return nil, err
	}
	b, err := with.make(key)
	if err != nil {
		return nil, err
	}
	return decryptCBC(b, scheme.Cipher.Parameters, outer.Data)
}

func deriveKey(kdf pkix.AlgorithmIdentifier, password []byte, n int) ([]byte, error) {
	if kdf.Algorithm.String() != oidPBKDF2 {
		return nil, unsupported("the key derivation", kdf.Algorithm)
	}
	var p withLength
	if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &p); err != nil {
		var q withoutLength
		if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &q); err != nil {
			return nil, fmt.Errorf("its encrypted private key has bad parameters: %w", err)
		}
		p = withLength{Salt: q.Salt, Iterations: q.Iterations, PRF: q.PRF}
	}
	prf := sha1.New
	if len(p.PRF.Algorithm) > 0 {
		if prf = pbkdf2Hashes[p.PRF.Algorithm.String()]; prf == nil {
			return nil, unsupported("the hash", p.PRF.Algorithm)
		}
	}
	if p.Iterations < 1 || p.Iterations > maxIterations {
		return nil, fmt.Errorf("its encrypted private key has %d iterations, not 1 to %d",
			p.Iterations, maxIterations)
	}
	return pbkdf2.Key(prf, string(password), p.Salt, p.Iterations, n)
}

func decryptCBC(b cipher.Block, iv asn1.RawValue, data []byte) ([]byte, error) {
	size := b.BlockSize()
	if len(iv.Bytes) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, fmt.Errorf("its encrypted private key has a bad length (%s)", pkcs8Hint)
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(b, iv.Bytes).CryptBlocks(plain, data)
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > size {
		return nil, errWrongPassword
	}
	return plain[:len(plain)-padding], nil
}
