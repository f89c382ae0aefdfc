package tokens

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/oauth"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(kafka.Main(m))
}

// tokensDefault is the number of tokens of a run; YAKT_TOKENS changes it.
const tokensDefault = 6000

// settings are the configurations under which tokens are shown.
var settings = []struct{ audiences, issuer, scopeClaim, subClaim string }{
	{"kafka,other", oauthtest.Name, "scope", "sub"},
	{"", "", "scope", "sub"},
	{"kafka", oauthtest.Name, "groups", "client_id"},
}

// intended are the reasons for which we refuse what Kafka takes.
var intended = []string{
	"base64url",          // characters that Kafka's decoder skips
	"no key for a token", // the key is for another algorithm
	"not JSON",           // Kafka's parser reads over some faults
	"its form",           // a member of the header that is not used has a wrong type
}

// TestAgainstKafka draws tokens and shows them to both. YAKT_TOKENS is their number and
// YAKT_TOKENS_SEED the seed, which a failure prints.
func TestAgainstKafka(t *testing.T) {
	t.Parallel()
	n := int(recordtest.Number(t, "YAKT_TOKENS", tokensDefault))
	seed := recordtest.Number(t, "YAKT_TOKENS_SEED", uint64(time.Now().UnixNano()))
	t.Logf("YAKT_TOKENS_SEED=%d", seed)
	d := newDrawer(t, seed)
	_, jwks := d.issuer.JWKSFile(t)
	var input bytes.Buffer
	var drawn, ours []string
	for _, s := range settings {
		v := validator(t, jwks, s.audiences, s.issuer, s.scopeClaim, s.subClaim)
		fmt.Fprintf(&input, "use\t%d\t%s\t%s\t%s\t%s\t%s\t%d\n", noon, jwks, s.audiences, s.issuer,
			s.scopeClaim, s.subClaim, skewSeconds)
		for range n / len(settings) {
			token := d.token()
			fmt.Fprintf(&input, "token\t%s\n", base64.StdEncoding.EncodeToString([]byte(token)))
			drawn, ours = append(drawn, token), append(ours, verdict(t, v, token))
		}
	}
	program := kafka.CompileJava(t, kafka.Newest, filepath.Join("testdata", "Tokens.java"), "Tokens")
	output := program.Run(t, input.Bytes(), []string{"-Dlog4j2.level=OFF",
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + jwks})
	kafkas := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	if len(kafkas) != len(ours) {
		t.Fatalf("%d verdicts for %d tokens", len(kafkas), len(ours))
	}
	compare(t, drawn, ours, kafkas)
}

func validator(
	t *testing.T, jwks, audiences, issuer, scopeClaim, subClaim string,
) *oauth.Validator {
	t.Helper()
	s, problems := oauth.Parse(map[string]string{
		"sasl.oauthbearer.jwks.endpoint.url":         jwks,
		"sasl.oauthbearer.expected.audience":         audiences,
		"sasl.oauthbearer.allow.unverified.audience": fmt.Sprint(audiences == ""),
		"sasl.oauthbearer.expected.issuer":           issuer,
		"sasl.oauthbearer.allow.unverified.issuer":   fmt.Sprint(issuer == ""),
		"sasl.oauthbearer.scope.claim.name":          scopeClaim,
		"sasl.oauthbearer.sub.claim.name":            subClaim,
		"sasl.oauthbearer.clock.skew.seconds":        fmt.Sprint(skewSeconds),
	}, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	v, err := oauth.New(s, oauth.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// verdict is ours, in the words of Tokens.java.
func verdict(t *testing.T, v *oauth.Validator, token string) string {
	t.Helper()
	who, err := v.Validate(t.Context(), token, time.Unix(noon, 0))
	if f, ok := errors.AsType[*security.Failure](err); ok {
		return "refused\t" + f.Reason
	}
	if err != nil {
		t.Fatal(err)
	}
	name, _ := strings.CutPrefix(who.Principal, "User:")
	return fmt.Sprintf("taken\t%s\t%d", base64.StdEncoding.EncodeToString([]byte(name)),
		who.Expires.UnixMilli())
}

// compare demands the same verdicts but for the intended differences, and enough of both kinds.
func compare(t *testing.T, drawn, ours, kafkas []string) {
	t.Helper()
	counts := make(map[string]int)
	for i := range drawn {
		kind := difference(drawn[i], ours[i], kafkas[i])
		if counts[kind]++; strings.HasPrefix(kind, "DIFFERENT") && counts[kind] <= 5 {
			t.Errorf("%s\nours:  %s\nKafka: %s\n%s", kind, ours[i], kafkas[i], show(drawn[i]))
		}
	}
	t.Log(counts)
	if counts["both take"] < len(drawn)/10 || counts["both refuse"] < len(drawn)/10 {
		t.Errorf("the tokens are not worth a comparison: %v", counts)
	}
}

// difference names how two verdicts compare.
func difference(token, ours, kafkas string) string {
	oursTakes, kafkaTakes := strings.HasPrefix(ours, "taken"), strings.HasPrefix(kafkas, "taken")
	switch {
	case oursTakes && kafkaTakes && ours == kafkas:
		return "both take"
	case oursTakes && kafkaTakes:
		return "DIFFERENT users or ends"
	case !oursTakes && !kafkaTakes:
		return "both refuse"
	case oursTakes:
		header, _, _ := strings.Cut(strings.TrimSpace(token), ".")
		text, err := base64.RawURLEncoding.DecodeString(header)
		if err == nil && (!bytes.Contains(text, []byte(`"kid"`))) {
			return "only we take: the key of a token without kid"
		}
		return "DIFFERENT: only we take"
	}
	for _, reason := range intended {
		if strings.Contains(ours, reason) {
			return "only Kafka takes: " + reason
		}
	}
	return "DIFFERENT: only Kafka takes"
}

// show writes a token so that it can be read.
func show(token string) string {
	text := fmt.Sprintf("%q", token)
	for _, part := range strings.Split(token, ".") {
		decoded, _ := base64.RawURLEncoding.DecodeString(part)
		text += fmt.Sprintf("\n  %q", decoded)
	}
	return text
}
