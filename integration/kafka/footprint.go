package kafka

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Footprint is the resources that a running program uses (from its /proc entry: Linux only).
type Footprint struct {
	ResidentMiB float64 // at present
	PeakMiB     float64 // highest value since ResetPeak or the program's start
	Descriptors int
}

// String is a phrase for the test log.
func (f Footprint) String() string {
	return fmt.Sprintf("%.0f MiB, %d descriptors", f.ResidentMiB, f.Descriptors)
}

// Resident returns the resident memory of a running program, in MiB.
func (s *Server) Resident(t testing.TB) float64 {
	t.Helper()
	f, err := s.Footprint()
	if err != nil {
		t.Fatal(err)
	}
	return f.ResidentMiB
}

// Footprint reads the kernel's figures. It fails if the program has ended.
func (s *Server) Footprint() (f Footprint, err error) {
	dir := fmt.Sprintf("/proc/%d/", s.Pid())
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return f, fmt.Errorf("%s: %w", s.Name, err)
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			f.ResidentMiB = kb / 1024
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); err == nil {
			f.PeakMiB = kb / 1024
		}
	}
	if f.ResidentMiB == 0 {
		return f, fmt.Errorf("%s: no VmRSS in %s", s.Name, status)
	}
	open, err := os.ReadDir(dir + "fd")
	if err != nil {
		return f, fmt.Errorf("%s: %w", s.Name, err)
	}
	f.Descriptors = len(open)
	return f, nil
}

// ResetPeak restarts the measurement of PeakMiB.
func (s *Server) ResetPeak(t testing.TB) {
	t.Helper()
	const resetPeak = "5" // clear_refs of proc(5)
	path := fmt.Sprintf("/proc/%d/clear_refs", s.Pid())
	if err := os.WriteFile(path, []byte(resetPeak), 0o200); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
}
