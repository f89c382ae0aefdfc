package configs

import (
	"math"
	"testing"
)

// TestParseDouble has answers of Java's Double.parseDouble and Double.toString.
func TestParseDouble(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0.5": "0.5", "0.5f": "0.5", "0.5F": "0.5", "1d": "1.0", "1.D": "1.0", ".5e0": "0.5",
		"0x1p-1": "0.5", "0X1.8P1": "3.0", "0x1p-1D": "0.5", "0x.8p0": "0.5", "+1": "1.0",
		"-0": "-0.0", "NaN": "NaN", "+NaN": "NaN", "Infinity": "Infinity",
		"-Infinity": "-Infinity", "1e400": "Infinity", "-1e400": "-Infinity", "1e-400": "0.0",
		" 1 ": "1.0", "1e7": "1.0E7", "12345678901": "1.2345678901E10", "0.0005": "5.0E-4",
		"1234567.5": "1234567.5", "1e100": "1.0E100", "-2.5e-7": "-2.5E-7",
		"1.7976931348623157E308": "1.7976931348623157E308",
		"":                       "", "x": "", "1_0": "", "0x1": "", "0x1f": "", "inf": "", "nan": "", "--1": "",
		"+-1": "", "1ff": "", "1df": "", "infinity": "", "f": "", "0x1p": "", "1e": "", "NaNf": "",
		"Infinityd": "", "-": "", ".": "",
	} {
		got := ""
		if f, ok := parseDouble(text); ok {
			got = javaDouble(f)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if f, _ := parseDouble("-0"); !math.Signbit(f) {
		t.Error("-0 lost its sign")
	}
}
