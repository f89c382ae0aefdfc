package kafka

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A killed test binary cannot clean up: the kernel must end its children.
func TestChildrenDieWithTheirTest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentOf+"=echo $$ >"+file+"; exec sleep 3600")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	Eventually(t, Patience, "the child runs", func() error {
		b, _ := os.ReadFile(file)
		_, err := fmt.Sscanf(string(b), "%d\n", &child)
		return err
	})
	parent.Process.Kill()
	parent.Wait()
	Eventually(t, Patience, "the child is gone", func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if err == nil && !strings.Contains(string(stat), ") Z ") { // a zombie has ended
			return fmt.Errorf("process %d is still there: %s", child, stat)
		}
		return nil
	})
}
