package kafka

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The releases of Apache Kafka under test, the newest patch release of each minor one, and Newest,
// the one that YAKt follows. docs/releases.md says how to add a release.
const (
	V40    = "4.0.2"
	V41    = "4.1.2"
	V42    = "4.2.2"
	V43    = "4.3.1"
	V44    = "4.4.0"
	Newest = V44
)

// Releases are all of them, oldest first.
var Releases = []string{V40, V41, V42, V43, V44}

// ShellRelease is the newest release that was published with kafka-metadata-shell. Its shell reads
// metadata.version up to 4.3-IV0.
const ShellRelease = V43

const mavenTimeout = 10 * time.Minute

//go:embed testdata/pom.xml
var allArtifacts []byte

// shellArtifact is the dependency on kafka-metadata-shell.
const shellArtifact = `    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-shell</artifactId>
      <version>${kafka.version}</version>
    </dependency>
`

// artifacts is the Maven project that depends on everything of a release.
func artifacts(version string) []byte {
	if version == V42 || version == V44 { // published without the shell
		return bytes.Replace(allArtifacts, []byte(shellArtifact), nil, 1)
	}
	return allArtifacts
}

// Release is one resolved release of Apache Kafka: a folder of jars that later test runs share and
// nobody changes.
type Release struct {
	Version string
	Dir     string
	java    string
	archive string // class-data archive for this java; "" if it could not be made
}

var resolved sync.Map // version -> func() (*Release, error)

// Resolve returns the artifacts of a release and downloads them if this machine does not have them.
// Safe for concurrent tests and test processes.
func Resolve(t testing.TB, version string) *Release {
	t.Helper()
	once, _ := resolved.LoadOrStore(version,
		sync.OnceValues(func() (*Release, error) { return resolve(version) }))
	r, err := once.(func() (*Release, error))()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resolve(version string) (*Release, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "kafka-"+version+"-"+shortHash(artifacts(version)))
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := fetchJars(dir, version); err != nil {
		return nil, err
	}
	r := &Release{Version: version, Dir: dir, java: java.path}
	r.archive = r.classArchive(java)
	return r, nil
}

// cacheDir is the folder shared by all test runs on this machine.
func cacheDir() (string, error) {
	dir := os.Getenv("YAKT_TEST_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no folder to keep Kafka's artifacts in, set YAKT_TEST_CACHE: %w",
				err)
		}
		dir = filepath.Join(user, "yakt-test")
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// fetchJars downloads the jars into dir by Maven unless dir exists; the caller holds its lock. A
// rename makes dir appear complete or not at all.
func fetchJars(dir, version string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("integration tests fetch Apache Kafka %s with Maven: install mvn "+
			"(Debian: apt-get install maven) and put it on PATH", version)
	}
	work := dir + ".fetch" // remains of an interrupted run are useless
	if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o755)); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), artifacts(version), 0o644); err != nil {
		return err
	}
	jars := filepath.Join(work, "jars")
	ctx, cancel := context.WithTimeout(context.Background(), mavenTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B",
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
		"-Dkafka.version="+version, "-DincludeScope=runtime", "-DoutputDirectory="+jars)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn could not fetch Apache Kafka %s (%w): %s", version, err,
			mavenError(out))
	}
	return os.Rename(jars, dir)
}

// mavenError shortens Maven's output to its first error line, which names the cause.
func mavenError(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if _, msg, ok := strings.Cut(line, "ERROR]"); ok && strings.TrimSpace(msg) != "" {
			return strings.TrimSpace(msg)
		}
	}
	return strings.TrimSpace(string(out))
}

// classPath lists the jars in a fixed order: a class-data archive is only valid for the same list.
func (r *Release) classPath() string {
	jars, _ := filepath.Glob(filepath.Join(r.Dir, "*.jar"))
	slices.Sort(jars)
	return strings.Join(jars, string(filepath.ListSeparator))
}

// lockFile takes an exclusive lock that holds across processes and ends with its holder.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

func shortHash(b []byte) string {
	h := fnv.New32a()
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
