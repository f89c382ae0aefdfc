package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// limits are the limits of the machine itself, measured in the same run.
type limits struct {
	Append limitOf `json:"append"` // 1 KiB and fdatasync, to a preallocated file
	// QuorumAppend is the same to three files at once, until the second is done: here one disk
	// serves three nodes.
	QuorumAppend limitOf `json:"quorumAppend"`
	RoundTrip    limitOf `json:"roundTrip"` // 64 bytes and back over loopback TCP
}

type limitOf struct {
	Ms    float64 `json:"ms"` // median
	P99Ms float64 `json:"p99Ms"`
}

func limitFrom(sorted []time.Duration) limitOf {
	return limitOf{ms(percentile(sorted, 0.5)), ms(percentile(sorted, 0.99))}
}

func (l limitOf) String() string {
	return fmt.Sprintf("%s ms (p99 %s)", number(l.Ms), number(l.P99Ms))
}

// replicatedMs is the least duration of a replicated write: one append and two round trips.
func (l limits) replicatedMs() float64 { return l.Append.Ms + 2*l.RoundTrip.Ms }

const (
	limitAppends    = 1000
	limitRoundTrips = 5000
	appendBytes     = 1024
	pingBytes       = 64
)

// measureLimits writes to files in dir, which must be on the disk of the controllers' data.
func measureLimits(dir string, appendCount, tripCount int) (limits, error) {
	appends, err := measureAppends(dir, 1, appendCount)
	if err != nil {
		return limits{}, err
	}
	quorum, err := measureAppends(dir, controllers, appendCount)
	if err != nil {
		return limits{}, err
	}
	trips, err := measureRoundTrips(tripCount)
	return limits{limitFrom(appends), limitFrom(quorum), limitFrom(trips)}, err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureAppends appends to n files at once, one per goroutine, and returns how long it took until
// a majority was durable.
func measureAppends(dir string, n, count int) ([]time.Duration, error) {
	var files []*os.File
	for range n {
		f, err := preallocated(dir, count*appendBytes)
		if err != nil {
			return nil, err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		files = append(files, f)
	}
	var took []time.Duration
	for i := range count {
		begin := time.Now()
		done := make(chan error, n)
		for _, f := range files {
			go func() { done <- appendTo(f, i) }()
		}
		var errs []error
		for j := range n {
			errs = append(errs, <-done)
			if j == n/2 {
				took = append(took, time.Since(begin))
			}
		}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return took, nil
}

func preallocated(dir string, size int) (*os.File, error) {
	f, err := os.CreateTemp(dir, "yakt-bench-limits-")
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(make([]byte, size)); err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
	}
	return f, err
}

func appendTo(f *os.File, i int) error {
	block := make([]byte, appendBytes)
	block[0] = byte(i)
	if _, err := f.WriteAt(block, int64(i*appendBytes)); err != nil {
		return err
	}
	return fdatasync(f)
}

// measureRoundTrips uses blocking sockets, so that each message wakes a sleeping thread as between
// processes.
func measureRoundTrips(count int) ([]time.Duration, error) {
	client, server, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	go func() {
		defer server.Close()
		echo := make([]byte, pingBytes)
		for {
			if _, err := io.ReadFull(server, echo); err != nil {
				return
			}
			if _, err := server.Write(echo); err != nil {
				return
			}
		}
	}()
	var took []time.Duration
	ping := make([]byte, pingBytes)
	for range count {
		begin := time.Now()
		if _, err := client.Write(ping); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(client, ping); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took, nil
}

// socketPair is a loopback TCP connection in blocking mode.
func socketPair() (client, server *os.File, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	defer dialled.Close()
	accepted, err := l.Accept()
	if err != nil {
		return nil, nil, err
	}
	defer accepted.Close()
	if client, err = dialled.(*net.TCPConn).File(); err != nil {
		return nil, nil, err
	}
	if server, err = accepted.(*net.TCPConn).File(); err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, server, nil
}
