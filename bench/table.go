package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// writeTable prints the results for people.
func (r *results) writeTable(w io.Writer) error {
	fmt.Fprintf(w, "%v\nscale %s, %d rounds, took %s\n", r.Machine, r.Scale, r.Rounds, r.Took)
	fmt.Fprintf(w, "limits of this machine: 1 KiB append with fdatasync %v, by two of three at "+
		"once %v; loopback round trip %v; one append and two round trips %s ms\n\n",
		r.Limits.Append, r.Limits.QuorumAppend, r.Limits.RoundTrip, number(r.Limits.replicatedMs()))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, m := range r.Metrics {
		width = max(width, len(m.label()))
	}
	fmt.Fprintf(t, "%-*s\tmin\tYAKt median\tmax\tmin\tApache median\tmax\tmin\ttimes "+
		"better\tmax\t\n", width, "")
	last := ""
	for _, m := range r.Metrics {
		if m.Case != last {
			fmt.Fprintf(t, "%-*s\t\t\t\t\t\t\t\t\t\t\n", width, "("+m.Case+") "+titleOf(m.Case))
			last = m.Case
		}
		fmt.Fprintf(t, "%-*s\t%s%s%s\n", width, m.label(), cells(m.Ours, ""), cells(m.Theirs, ""),
			cells(m.Ratio, "×"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	r.writeFailures(w)
	r.writeFloor(w)
	return nil
}

func (m *metric) label() string { return "    " + m.Name + " [" + m.Unit + "]" }

func cells(s *spread, suffix string) string {
	if s == nil {
		return "\t-\t\t"
	}
	return number(s.Min) + "\t" + number(s.Median) + suffix + "\t" + number(s.Max) + "\t"
}

func (r *results) writeFailures(w io.Writer) {
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\n(%s) failed on %s in round %d: %s", f.Case, f.System, f.Round, f.Error)
	}
	if len(r.Failures) > 0 {
		fmt.Fprintln(w)
	}
}

// writeFloor compares a lone create with the least duration of a replicated write.
func (r *results) writeFloor(w io.Writer) {
	for _, m := range r.Metrics {
		if m.Name == oneCreateP50 && r.Limits.replicatedMs() > 0 {
			fmt.Fprintf(w, "\none create, in units of one append and two round trips:")
			for _, s := range []struct {
				name string
				*spread
			}{{"YAKt", m.Ours}, {"Apache", m.Theirs}} {
				if s.spread != nil {
					fmt.Fprintf(w, "  %s %s", s.name, number(s.Median/r.Limits.replicatedMs()))
				}
			}
			fmt.Fprintln(w)
		}
	}
}

// number has three significant digits, or all of those before the point.
func number(v float64) string {
	if v == 0 || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(decimals, 0), 4), 64)
}
