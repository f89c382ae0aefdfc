package controller

import (
	_ "embed"
	"fmt"
	"maps"
	"strings"

	"github.com/yakt/yakt/metadata"
)

// Some clients ask one node with API_VERSIONS and believe that every other node serves the same:
// kafkajs, kafka-python, @platformatic/kafka. Such a client with a controller as its seed has to
// get the APIs of the brokers, or it never sends them a PRODUCE. Kafka's own clients and its
// brokers ask every node; they get this controller's APIs, as from Kafka's controllers.

// brokerAPITable has the API_VERSIONS of Kafka's brokers: a column for each release, headed by the
// highest metadata.version that its brokers support, and a row for each key. It is as real brokers
// answered; the integration tests compare.
//
//go:embed broker_apis.tsv
var brokerAPITable string

// brokerRelease is the APIs of the brokers of one release of Kafka.
type brokerRelease struct {
	level  int16 // the highest metadata.version that they support
	ranges map[int16]versionRange
}

type versionRange struct{ min, max int16 }

var brokerReleases = parseBrokerAPIs(brokerAPITable)

// parseBrokerAPIs returns the releases by ascending level.
func parseBrokerAPIs(table string) []brokerRelease {
	lines := strings.Split(strings.TrimSpace(table), "\n")
	var releases []brokerRelease
	for _, level := range strings.Fields(lines[0])[1:] {
		r := brokerRelease{ranges: map[int16]versionRange{}}
		mustScan(level, "%d", &r.level)
		releases = append(releases, r)
	}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		var key int16
		mustScan(cells[0], "%d", &key)
		for i, cell := range cells[1:] {
			if cell == "-" {
				continue
			}
			var r versionRange
			mustScan(cell, "%d-%d", &r.min, &r.max)
			releases[i].ranges[key] = r
		}
	}
	return releases
}

func mustScan(cell, format string, to ...any) {
	if _, err := fmt.Sscanf(cell, format, to...); err != nil {
		panic(fmt.Sprintf("broker_apis.tsv: %q: %v", cell, err))
	}
}

// commonRelease is the oldest release among the registered brokers: within a major release Kafka
// only adds versions, so that each of them serves its APIs.
func commonRelease(img *metadata.Image) brokerRelease {
	release := len(brokerReleases) - 1
	for _, b := range img.Brokers() {
		for _, f := range b.Features {
			if f.Name == metadata.FeatureMetadata {
				release = min(release, releaseOf(f.Max))
			}
		}
	}
	return brokerReleases[release]
}

// releaseOf is the index of the newest release whose level is not above this one.
func releaseOf(level int16) int {
	for i := len(brokerReleases) - 1; i > 0; i-- {
		if brokerReleases[i].level <= level {
			return i
		}
	}
	return 0
}

// brokersAPIs are the APIs that the registered brokers serve. Where the controller serves the same
// key, its range is within the controller's too, so that a client may send it to either.
func brokersAPIs(img *metadata.Image) map[int16]versionRange {
	ranges := maps.Clone(commonRelease(img).ranges)
	for key, r := range ranges {
		if a := byKey[key]; a != nil {
			ranges[key] = versionRange{max(r.min, a.min), min(r.max, a.max)}
		}
	}
	return ranges
}

// controllerAPIs are the APIs of the table.
func controllerAPIs() map[int16]versionRange {
	ranges := make(map[int16]versionRange, len(byKey))
	for _, a := range byKey {
		ranges[a.key] = versionRange{a.min, a.max}
	}
	return ranges
}
