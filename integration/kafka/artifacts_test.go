package kafka

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingJavaAndMavenSayWhatToInstall(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("JAVA_HOME", "")
	if _, err := findJava(); err == nil || !strings.Contains(err.Error(),
		"install a Java runtime 17 or later") {
		t.Error(err)
	}
	if err := fetchJars(filepath.Join(t.TempDir(), "jars"), Newest); err == nil ||
		!strings.Contains(err.Error(), "install mvn") {
		t.Error(err)
	}
}

func TestMavenErrorIsItsFirstErrorLine(t *testing.T) {
	out := "[WARNING] x\n[\x1b[1;31mERROR] Could not resolve dependencies: unknown host\n[ERROR] " +
		"-> [Help 1]\n"
	if got := mavenError([]byte(out)); got != "Could not resolve dependencies: unknown host" {
		t.Errorf("%q", got)
	}
}

func TestFetchFailureLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jars")
	mvn := filepath.Join(t.TempDir(), "mvn")
	writeScript(t, mvn, "echo '[ERROR] offline'; exit 1")
	t.Setenv("PATH", filepath.Dir(mvn)+":/bin:/usr/bin")
	err := fetchJars(dir, Newest)
	if err == nil || !strings.HasSuffix(err.Error(), "(exit status 1): offline") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
