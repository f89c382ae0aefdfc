package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// limits are what the machine itself allows, measured in the same run: medians and 99th percentiles.
type limits struct {
	AppendMs       float64 `json:"appendMs"` // 1 KiB and fdatasync, on a preallocated file
	AppendMsP99    float64 `json:"appendMsP99"`
	RoundTripMs    float64 `json:"roundTripMs"` // 64 bytes there and back over loopback TCP
	RoundTripMsP99 float64 `json:"roundTripMsP99"`
	ReplicatedMs   float64 `json:"replicatedMs"` // one append and two round trips: the least for a replicated write
}

const (
	limitAppends    = 1000
	limitRoundTrips = 5000
	appendBytes     = 1024
	pingBytes       = 64
)

// measureLimits writes to a file in dir, which must lie where the controllers' data will.
func measureLimits(dir string) (limits, error) {
	appends, err := measureAppends(dir)
	if err != nil {
		return limits{}, err
	}
	trips, err := measureRoundTrips()
	if err != nil {
		return limits{}, err
	}
	l := limits{
		AppendMs: ms(percentile(appends, 0.5)), AppendMsP99: ms(percentile(appends, 0.99)),
		RoundTripMs: ms(percentile(trips, 0.5)), RoundTripMsP99: ms(percentile(trips, 0.99)),
	}
	l.ReplicatedMs = l.AppendMs + 2*l.RoundTripMs
	return l, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func measureAppends(dir string) ([]time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "limits"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, limitAppends*appendBytes)); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	var took []time.Duration
	block := make([]byte, appendBytes)
	for i := range limitAppends {
		block[0] = byte(i)
		begin := time.Now()
		if _, err := f.WriteAt(block, int64(i*appendBytes)); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took, nil
}

// measureRoundTrips uses blocking sockets, so that each message wakes a sleeping thread up as it would between processes.
func measureRoundTrips() ([]time.Duration, error) {
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
	for range limitRoundTrips {
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
