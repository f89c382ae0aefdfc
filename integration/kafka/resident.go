package kafka

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Resident is the memory, in MiB, that a running program holds (VmRSS of its /proc entry: Linux only).
func (s *Server) Resident(t testing.TB) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid()))
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			return kb / 1024
		}
	}
	t.Fatalf("%s: no VmRSS in %s", s.Name, status)
	return 0
}
