package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// stdlib is govulncheck's name for the module of the standard library.
const stdlib = "stdlib"

// vulnerability is one that a call from our code reaches.
type vulnerability struct {
	id, summary   string
	module        string
	found, fixed  string // versions; fixed is empty when there is none
	caller, calls string // the function of ours, and the one that is vulnerable
}

func (v vulnerability) String() string {
	fix := "no fixed version yet"
	if v.fixed != "" {
		fix = "fixed in " + v.fixed
	}
	return fmt.Sprintf("%s in %s %s (%s): %s; %s reaches %s",
		v.id, v.module, v.found, fix, v.summary, v.caller, v.calls)
}

// message is one of the JSON values that govulncheck writes, as far as it is used here.
type message struct {
	OSV     *struct{ ID, Summary string }
	Finding *finding
}

// finding is a way from our code to a vulnerability. Its trace begins at the vulnerable function
// and ends at ours; where no call is known it has a module or a package alone.
type finding struct {
	OSV          string
	FixedVersion string `json:"fixed_version"`
	Trace        []frame
}

type frame struct{ Module, Version, Package, Receiver, Function string }

func (f frame) String() string {
	name := f.Package + "."
	if f.Receiver != "" {
		name += strings.TrimPrefix(f.Receiver, "*") + "."
	}
	return name + f.Function
}

// read returns the vulnerabilities that are called, each once, by id and module.
func read(r io.Reader) ([]vulnerability, error) {
	summaries, called := map[string]string{}, map[string]vulnerability{}
	for dec := json.NewDecoder(r); ; {
		var m message
		err := dec.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return sorted(called, summaries), nil
		case err != nil:
			return nil, err
		case m.OSV != nil:
			summaries[m.OSV.ID] = m.OSV.Summary
		case m.Finding != nil && len(m.Finding.Trace) > 0 && m.Finding.Trace[0].Function != "":
			first, last := m.Finding.Trace[0], m.Finding.Trace[len(m.Finding.Trace)-1]
			key := m.Finding.OSV + " " + first.Module
			if _, known := called[key]; !known {
				called[key] = vulnerability{
					id: m.Finding.OSV, module: first.Module, found: first.Version,
					fixed: m.Finding.FixedVersion, caller: last.String(), calls: first.String(),
				}
			}
		}
	}
}

func sorted(called map[string]vulnerability, summaries map[string]string) []vulnerability {
	var all []vulnerability
	for _, key := range slices.Sorted(maps.Keys(called)) {
		v := called[key]
		v.summary = summaries[v.id]
		all = append(all, v)
	}
	return all
}
