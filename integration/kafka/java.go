package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/yakt/yakt/protocol"
)

const javaMin = 17 // class file version of Kafka 4.x servers

// jvm is this machine's java; version is the full output of `java -version`.
type jvm struct{ path, version string }

var javaMajor = regexp.MustCompile(`version "(\d+)`)

func findJava() (jvm, error) {
	hint := fmt.Sprintf("integration tests start real Kafka brokers: install a Java runtime %d "+
		"or later (Debian: apt-get install openjdk-17-jre-headless) and put java on PATH", javaMin)
	path, err := exec.LookPath("java")
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path, err = exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	if err != nil {
		return jvm{}, errors.New(hint)
	}
	out, err := exec.Command(path, "-version").CombinedOutput()
	m := javaMajor.FindSubmatch(out)
	if err != nil || m == nil {
		return jvm{}, fmt.Errorf("%s; %s -version said: %s", hint, path, out)
	}
	if major, _ := strconv.Atoi(string(m[1])); major < javaMin {
		return jvm{}, fmt.Errorf("%s; %s is version %d", hint, path, major)
	}
	return jvm{path, string(out)}, nil
}

// javaCommand returns a command line for a main class of the release, with a heap of at most heapMB
// and the given log4j2 configuration. Its options favour a small footprint and a quick start over
// speed in the long run.
func (r *Release) javaCommand(
	heapMB int, log4j2 string, jvmArgs []string, mainClass string, args ...string,
) command {
	argv := []string{r.java,
		fmt.Sprintf("-Xmx%dm", heapMB), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-XX:+ExitOnOutOfMemoryError",
		"-Djava.awt.headless=true", "-Dlog4j2.configurationFile=" + log4j2}
	if r.archive != "" {
		argv = append(argv, "-XX:SharedArchiveFile="+r.archive, "-Xlog:cds=off",
			"-Xlog:cds+dynamic=off")
	}
	argv = append(argv, jvmArgs...)
	argv = append(argv, mainClass)
	return command{argv: append(argv, args...),
		env: append(os.Environ(), "CLASSPATH="+r.classPath())}
}

// shippedCommand is javaCommand with the options of Kafka's kafka-run-class.sh, the defaults of
// every server, for measurements.
func (r *Release) shippedCommand(
	heapMB int, log4j2 string, mainClass string, args ...string,
) command {
	argv := []string{r.java, fmt.Sprintf("-Xmx%dm", heapMB), "-server", "-XX:+UseG1GC",
		"-XX:MaxGCPauseMillis=20",
		"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
		"-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile=" + log4j2, mainClass}
	return command{argv: append(argv, args...),
		env: append(os.Environ(), "CLASSPATH="+r.classPath())}
}

// log4j2Config writes a configuration that logs everything from INFO up to logPath, and returns its
// path.
func log4j2Config(dir, name, logPath string) (string, error) {
	file := filepath.Join(dir, name+".log4j2.properties")
	text := strings.Join([]string{
		"status = error",
		"appender.file.type = File",
		"appender.file.name = FILE",
		"appender.file.fileName = " + logPath,
		"appender.file.layout.type = PatternLayout",
		"appender.file.layout.pattern = [%d{ISO8601}] %p %m (%c)%n",
		"rootLogger.level = INFO",
		"rootLogger.appenderRef.file.ref = FILE",
		"logger.config.name = org.apache.kafka.common.config", // dumps every setting
		"logger.config.level = WARN",
		"",
	}, "\n")
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// classArchive makes, once per release and java, an archive of the classes that a broker and a
// controller load, which halves the start of brokers and tools. It is optional: after a failure,
// tests run without it until the .error file that describes the failure is deleted. The caller
// holds the release's lock.
func (r *Release) classArchive(java jvm) string {
	archive := filepath.Join(r.Dir, "classes-"+shortHash([]byte(java.version))+".jsa")
	if _, err := os.Stat(archive); err == nil {
		return archive
	}
	if _, err := os.Stat(archive + ".error"); err == nil {
		return ""
	}
	work, err := os.MkdirTemp("", "yakt-classes-")
	if err != nil {
		return ""
	}
	defer os.RemoveAll(work)
	if err := r.trainArchive(work, archive); err != nil {
		os.WriteFile(archive+".error", []byte(err.Error()), 0o644)
		return ""
	}
	return archive
}

// trainArchive runs a combined broker and controller until it has started, and has it write its
// loaded classes at exit.
func (r *Release) trainArchive(work, archive string) error {
	ports, release, err := freePorts(2)
	if err != nil {
		return err
	}
	defer release()
	logPath := filepath.Join(work, "node.log")
	log4j2, err := log4j2Config(work, "node", logPath)
	if err != nil {
		return err
	}
	data := filepath.Join(work, "data")
	config := filepath.Join(work, "node.properties")
	if err := trainingNode(ports, data).write(config); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	format := r.javaCommand(256, log4j2, nil, StorageTool, "format", "--cluster-id",
		protocol.NewUUID().String(), "--config", config, "--standalone")
	if out, err := format.run(ctx); err != nil {
		return fmt.Errorf("format: %w: %s", err, out.Stderr)
	}
	readLog := func() string { b, _ := os.ReadFile(logPath); return string(b) }
	tmp := archive + ".tmp"
	os.Remove(tmp)
	node := r.javaCommand(512, log4j2, []string{"-XX:ArchiveClassesAtExit=" + tmp}, serverClass,
		config)
	p, err := startProcess(node, filepath.Join(work, "node.out"))
	if err != nil {
		return err
	}
	defer p.kill()
	if err := p.awaitLog(ctx, readLog, fmt.Sprintf(startedLine, 1)); err != nil {
		return err
	}
	p.terminate()
	select {
	case <-p.done:
	case <-ctx.Done():
		return errors.New("the node did not stop")
	}
	return os.Rename(tmp, archive)
}

func trainingNode(ports []int, data string) properties {
	controller := fmt.Sprintf("127.0.0.1:%d", ports[0])
	listeners := fmt.Sprintf("CONTROLLER://%s,PLAINTEXT://127.0.0.1:%d", controller, ports[1])
	return properties{
		"process.roles":                       "broker,controller",
		"node.id":                             "1",
		"listeners":                           listeners,
		"listener.security.protocol.map":      "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"controller.listener.names":           "CONTROLLER",
		"controller.quorum.bootstrap.servers": controller,
		"log.dirs":                            data,
	}
}
