package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog"
)

// poisonMax is the most records that a report lists.
const poisonMax = 100

// readLog replays the log of a stopped node and reports the records that brokers do not accept.
func (r *StorageReport) readLog() {
	img, err := stoppedImage(filepath.Join(r.Directory, partitionDir))
	if err != nil {
		r.warn("the records of the log cannot be read: %v; a start says what to do", err)
		return
	}
	r.Poisoned = img.PoisonCount()
	for p := range img.Poison() {
		if len(r.Poison) == poisonMax {
			break
		}
		r.Poison = append(r.Poison, p.String())
	}
	if from, clean := img.CleanFrom(); clean && from > 0 {
		r.warn("the log holds records before offset %d that Kafka's brokers do not accept; a node that "+
			"is started makes a snapshot that takes their place", from)
	}
}

func (r *StorageReport) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// stoppedImage replays the log in a directory and returns the resulting image.
func stoppedImage(dir string) (*metadata.Image, error) {
	log, err := raftlog.ReadStopped(dir)
	if err != nil {
		return nil, err
	}
	img := metadata.Empty()
	if log.Snapshot != "" {
		if img, err = readImage(log); err != nil {
			return nil, err
		}
	}
	for _, raw := range log.Batches {
		b, _, err := batch.Parse(raw)
		if err != nil {
			return nil, err
		}
		if img, err = img.ReplayBatch(b); err != nil {
			return nil, err
		}
	}
	return img, nil
}

func readImage(log *raftlog.Stopped) (*metadata.Image, error) {
	f, err := os.Open(log.Snapshot)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return metadata.ReadSnapshot(f, log.End, log.Epoch)
}
