package oauth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// MaxTokenBytes is the length of the longest token that is looked at.
const MaxTokenBytes = 64 << 10

// token is a token whose signature has not been checked.
type token struct {
	jws *jose.JSONWebSignature
	alg jose.SignatureAlgorithm
	kid *string // nil without kid
}

// parseToken takes a token apart. Nothing in it can be trusted yet.
func parseToken(text string) (token, error) {
	if len(text) > MaxTokenBytes {
		return token{}, fmt.Errorf("it is longer than %d bytes", MaxTokenBytes)
	}
	text = trim(text)
	parts := strings.Split(text, ".")
	if len(parts) != 3 || slices.Contains(parts, "") {
		return token{}, errors.New("it does not have three parts: header, payload and signature")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !inToken(r) }) {
		return token{}, errors.New("it has a character that is not of base64url")
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return token{}, fmt.Errorf("its header: %w", err)
	}
	t, err := parseHeader(header)
	if err != nil {
		return token{}, fmt.Errorf("its header: %w", err)
	}
	if t.jws, err = jose.ParseSignedCompact(text, algorithms); err != nil {
		return token{}, fmt.Errorf("its form: %w", err)
	}
	return t, nil
}

func inToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		r == '-' || r == '_' || r == '.'
}

// parseHeader reads what decides how the token is verified.
func parseHeader(text []byte) (token, error) {
	object, err := decodeObject(text)
	if err != nil {
		return token{}, err
	}
	header, t := claims(object), token{}
	alg, err := header.text("alg")
	if err != nil {
		return token{}, err
	}
	if t.alg = jose.SignatureAlgorithm(alg); !slices.Contains(algorithms, t.alg) {
		return token{}, fmt.Errorf("the algorithm (alg) %q is not one of %v", clip(alg), algorithms)
	}
	kid, err := header.text("kid")
	if err != nil {
		return token{}, err
	}
	if header["kid"] != nil {
		t.kid = &kid
	}
	if cty, err := header.text("cty"); err != nil || strings.EqualFold(cty, "jwt") ||
		strings.EqualFold(cty, "application/jwt") {
		return token{}, errors.Join(err, errors.New("a token within a token (cty) is not taken"))
	}
	if header["b64"] == false {
		return token{}, errors.New("a payload without base64 (b64) is not taken")
	}
	_, err = header.text("x5t") // thumbprints are not compared: the signature is what counts
	_, err256 := header.text("x5t#S256")
	return t, errors.Join(err, err256)
}

// verify checks the signature with the keys, and returns the claims.
func (t token) verify(candidates []key) (claims, error) {
	err := errors.New("no key is tried")
	for _, k := range candidates {
		var payload []byte
		if payload, err = t.jws.Verify(k.public); err == nil {
			return decodeObject(payload)
		}
	}
	return nil, fmt.Errorf("its signature is wrong: %w", err)
}

// keyName describes the key that a token wants.
func (t token) keyName() string {
	if t.kid == nil {
		return "without a key id (kid)"
	}
	return fmt.Sprintf("with the key id (kid) %q", clip(*t.kid))
}
