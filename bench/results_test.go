package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sampleResults are the results of two rounds; the second failed on Apache.
func sampleResults() *results {
	r := &results{Scale: "small", Rounds: 2,
		Limits:  limits{Append: limitOf{0.1, 0.2}, RoundTrip: limitOf{0.05, 0.1}},
		Machine: machine{Processor: "A & B", Cores: 2}}
	r.add("a", ours, 1, sample{oneCreateP50, "ms", lower, 1})
	r.add("a", theirs, 1, sample{oneCreateP50, "ms", lower, 40})
	r.add("a", ours, 2, sample{oneCreateP50, "ms", lower, 3})
	r.add("b", ours, 1, sample{"creates a second", "1/s", higher, 3000})
	r.add("b", theirs, 1, sample{"creates a second", "1/s", higher, 6000})
	r.add("m", ours, 1, sample{"resident memory at 0 partitions", "MB", lower, 80})
	r.Failures = append(r.Failures, failure{"a", "Apache", 2, "no leader"})
	r.summarise()
	return r
}

func TestResultsArePairedByRound(t *testing.T) {
	m := sampleResults().Metrics
	if len(m) != 3 {
		t.Fatalf("%d metrics", len(m))
	}
	if got := *m[0].Ours; got != (spread{1, 2, 3}) {
		t.Errorf("ours %v", got)
	}
	if got := *m[0].Ratio; got != (spread{40, 40, 40}) {
		t.Errorf("ratio %v: the second round has no pair", got)
	}
	if got := m[1].Ratio.Median; got != 0.5 {
		t.Errorf("half the rate is %v times better", got)
	}
	if m[2].Theirs != nil || m[2].Ratio != nil {
		t.Error("what Apache has not done is compared")
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := sampleResults().writeTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"(a) one create at a time", "create a topic, p50 [ms]", "40.0×", "0.500×", "2 × A & B",
		"(a) failed on Apache in round 2: no leader", "YAKt 10.0  Apache 200",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestNumberHasThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 0.5: "0.500", 1.2345: "1.23",
		12.345: "12.3", 123.4: "123", 12345.6: "12346", 0.00001: "0.0000"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestFilesAreWellFormed(t *testing.T) {
	r, dir := sampleResults(), t.TempDir()
	if err := errors.Join(r.writeJSON(filepath.Join(dir, "r.json")),
		r.writePlot(filepath.Join(dir, "r.svg"))); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "r.json"))
	var back results
	if err := json.Unmarshal(b, &back); err != nil || len(back.Metrics) != 3 {
		t.Errorf("json: %v, %d metrics", err, len(back.Metrics))
	}
	f, err := os.Open(filepath.Join(dir, "r.svg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := xml.NewDecoder(f)
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestChooseCases(t *testing.T) {
	for letters, want := range map[string]string{"a": "a", "a,n,m": "a mno",
		"": "a b c d e f g h i j k l mno p q", "x": "", "a,x": "", "mno": ""} {
		chosen, err := chooseCases(letters)
		var got []string
		for _, c := range chosen {
			got = append(got, c.letters)
		}
		if s := strings.Join(got, " "); s != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", letters, s, err)
		}
	}
}
