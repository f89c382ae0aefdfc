package kafka

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// thawSeconds is when a frozen file system thaws by itself: a process that writes to it cannot be
// killed, and the test process may die before it thaws it.
const thawSeconds = 60

// Freeze makes every write to a block disk hang, like a device that no longer responds, until the
// returned function is called. That function may be called more than once.
func (d *SmallDisk) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	d.shell(t, "fsfreeze -f %[1]s && { (sleep %[2]d; fsfreeze -u %[1]s) >/dev/null 2>&1 & }", d.dir,
		thawSeconds)
	thaw = sync.OnceFunc(func() { d.shell(t, "fsfreeze -u %s", d.dir) })
	t.Cleanup(thaw)
	return thaw
}

func (d *SmallDisk) shell(t testing.TB, script string, args ...any) {
	t.Helper()
	script = strings.TrimSpace(fmt.Sprintf(script, args...))
	res, err := command{argv: d.enter([]string{"sh", "-c", script}),
		env: os.Environ()}.run(t.Context())
	if err != nil || res.ExitCode != 0 {
		t.Errorf("%s: exit code %d, %v: %s", script, res.ExitCode, err, res.Stderr)
	}
}
