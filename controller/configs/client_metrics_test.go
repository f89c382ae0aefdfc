package configs

import "testing"

// TestClientMatchIsReadInJavasDialect: the expectations are the results of Java's Pattern. It
// accepts the last expressions, which Go's regexp refuses.
func TestClientMatchIsReadInJavasDialect(t *testing.T) {
	t.Parallel()
	for _, regex := range []string{
		"{x}", "a{", "a{,3}", "a{2", "a{2,1}", "(?P<n>x)", "(?<1>x)", "[[a]", "a{3}{", "[a]{", "[^[a]",
		`\Q{\E{`, "[", "(", "[b-a]",
	} {
		if validClientMatch("client_id=" + regex) {
			t.Errorf("%s is taken", regex)
		}
	}
	for _, regex := range []string{
		"a", "a{3}", "a{2,}", "a{2,3}", "[{]", "}", "]", `\{`, "[[:alpha:]]", "[a[b]]", "[]a]", "[^]a]",
		`[\]]`, `\Q{\E`, `\Q[`, `\pL`, `\p{L}`,
		"(?i)a", "(?:a)", "a{2}?", "a||b", "()", "(?<n>x)", "(?!x)", "(?<!a)b", "(?>a)", `(a)\1`, `\h`,
	} {
		if !validClientMatch("client_id=" + regex) {
			t.Errorf("%s is refused", regex)
		}
	}
}

func TestThrottledReplicasAreOfBrokersAndPartitionsThatCanBe(t *testing.T) {
	t.Parallel()
	for list, ok := range map[string]bool{"*": true, "": true, "0:1,2:3": true,
		"2147483647:1": true, "2147483648:1": false, "1:-1": false, "1": false, "+1:1": false} {
		if wrong := throttledReplicas("k", list); (wrong == "") != ok {
			t.Errorf("%q: %q", list, wrong)
		}
	}
}
