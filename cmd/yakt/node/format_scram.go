package node

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/sasl"
)

// Bounds of the iterations of a credential (ScramMechanism).
const (
	scramIterationsMin = 4096
	scramIterationsMax = 16384
)

// scramBytes is the length of what a mechanism hashes a password to.
var scramBytes = map[string]int{sasl.ScramSHA256: 32, sasl.ScramSHA512: 64}

// scramRecords returns the credentials of --add-scram, in the order in which they were given.
func scramRecords(specs []string, version metadata.Version) ([]record.Record, error) {
	if len(specs) > 0 && !version.HasScram() {
		return nil, fmt.Errorf("--add-scram: SCRAM credentials need metadata.version %v or later, "+
			"and this is %v", metadata.V3_5_IV2, version)
	}
	var records []record.Record
	for _, spec := range specs {
		c, err := parseScram(spec)
		if err != nil {
			return nil, fmt.Errorf("--add-scram: %w; write "+
				"SCRAM-SHA-512=[name=<user>,password=<password>], or SCRAM-SHA-256", err)
		}
		records = append(records, c)
	}
	return records, nil
}

// parseScram reads MECHANISM=[name=…,password=…] with Kafka's options iterations, salt and
// saltedpassword. Its errors hold no values: one may be a password.
func parseScram(spec string) (*record.UserScramCredential, error) {
	mechanism, list, _ := strings.Cut(spec, "=")
	code, known := scramCodes[mechanism]
	list, opened := strings.CutPrefix(list, "[")
	list, closed := strings.CutSuffix(list, "]")
	if !known || !opened || !closed {
		return nil, errors.New("an argument does not name one of the two mechanisms and a list in " +
			"brackets")
	}
	options, err := scramOptions(list)
	if err != nil {
		return nil, err
	}
	iterations, err := scramIterations(options["iterations"])
	if err != nil {
		return nil, err
	}
	salt, salted, err := scramSecret(mechanism, options, iterations)
	if err != nil {
		return nil, err
	}
	c := sasl.NewCredential(mechanism, salted, salt, iterations)
	return &record.UserScramCredential{
		Name: options["name"], Mechanism: code, Salt: c.Salt, StoredKey: c.StoredKey,
		ServerKey: c.ServerKey, Iterations: int32(c.Iterations),
	}, nil
}

func scramOptions(list string) (map[string]string, error) {
	known := []string{"name", "password", "iterations", "salt", "saltedpassword"}
	options := make(map[string]string)
	for option := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(option, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		_, twice := options[name]
		if !ok || twice || !slices.Contains(known, name) {
			return nil, fmt.Errorf("each option of a credential is one of %s, and stands there once",
				strings.Join(known, ", "))
		}
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		options[name] = value
	}
	_, password := options["password"]
	_, salted := options["saltedpassword"]
	switch {
	case options["name"] == "":
		return nil, errors.New("a credential has no name")
	case password == salted:
		return nil, errors.New("a credential has either a password or a saltedpassword")
	case salted && options["salt"] == "":
		return nil, errors.New("a saltedpassword needs its salt")
	case password && options["password"] == "":
		return nil, errors.New("a password is empty")
	}
	return options, nil
}

func scramIterations(text string) (int, error) {
	if text == "" {
		return scramIterationsMin, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < scramIterationsMin || n > scramIterationsMax {
		return 0, fmt.Errorf("iterations are a number from %d to %d", scramIterationsMin,
			scramIterationsMax)
	}
	return n, nil
}

// scramSecret returns the salt, a random one by default, and the salted password.
func scramSecret(
	mechanism string, options map[string]string, iterations int,
) (salt, salted []byte, err error) {
	if text := options["salt"]; text != "" {
		if salt, err = base64.StdEncoding.DecodeString(text); err != nil || len(salt) == 0 {
			return nil, nil, errors.New("a salt is not base64")
		}
	} else {
		salt = make([]byte, 32)
		rand.Read(salt) // never fails
	}
	if password := protocol.NewPassword(options["password"]); password.IsSet() {
		salted, err = sasl.Salt(mechanism, password.Reveal(), salt, iterations)
		return salt, salted, err
	}
	salted, err = base64.StdEncoding.DecodeString(options["saltedpassword"])
	if err != nil || len(salted) != scramBytes[mechanism] {
		return nil, nil, fmt.Errorf("a saltedpassword of %s is %d bytes in base64", mechanism,
			scramBytes[mechanism])
	}
	return salt, salted, nil
}
