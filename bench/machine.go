package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// machine describes the machine and the state of a run.
type machine struct {
	Processor  string    `json:"processor"`
	Cores      int       `json:"cores"`
	MemoryMB   int64     `json:"memoryMb"`
	System     string    `json:"system"`
	FileSystem string    `json:"fileSystem"` // under the controllers' data
	Go         string    `json:"go"`
	Java       string    `json:"java"`
	Revision   string    `json:"revision"` // this repository's commit
	Begun      time.Time `json:"begun"`
	LoadBefore string    `json:"loadBefore"` // load averages over 1, 5 and 15 minutes
	LoadAfter  string    `json:"loadAfter"`
}

// describeMachine omits facts that it cannot find out. dir is where the controllers' data will be.
func describeMachine(dir string) machine {
	return machine{
		Processor: procValue("/proc/cpuinfo", "model name"),
		Cores:     runtime.NumCPU(),
		MemoryMB:  memoryMB(),
		System: strings.TrimSpace(readText("/proc/sys/kernel/ostype") + " " +
			readText("/proc/sys/kernel/osrelease") + " " + runtime.GOARCH),
		FileSystem: fileSystem(dir),
		Go:         runtime.Version(),
		Java:       output("java", "-version"),
		Revision:   output("git", "describe", "--always", "--dirty"),
		Begun:      time.Now().Truncate(time.Second),
		LoadBefore: loadAverage(),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%d × %s, %d MB, %s, %s; %s; %s; revision %s; "+
		"load average %s before, %s after",
		m.Cores, m.Processor, m.MemoryMB, m.System, m.FileSystem, m.Go, m.Java, m.Revision,
		m.LoadBefore, m.LoadAfter)
}

func readText(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

// procValue returns the value of the first "key : value" line.
func procValue(path, key string) string {
	for line := range strings.Lines(readText(path)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func memoryMB() int64 {
	var kb int64
	_, _ = fmt.Sscan(procValue("/proc/meminfo", "MemTotal"), &kb)
	return kb / 1024
}

func loadAverage() string {
	fields := strings.Fields(readText("/proc/loadavg"))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// output returns the first line that a program prints.
func output(program string, args ...string) string {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return "no " + filepath.Base(program)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
