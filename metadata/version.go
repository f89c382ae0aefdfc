package metadata

import (
	"fmt"
	"strings"

	"github.com/yakt/yakt/metadata/record"
)

// Version is a level of the feature metadata.version. It determines which records, in which
// versions, the log may have.
type Version int16

// Levels at which something changes for a controller (MetadataVersion.java).
const (
	V3_3_IV3 Version = 7  // the lowest level that Kafka 4 supports
	V3_4_IV0 Version = 8  // RegisterBroker v2
	V3_5_IV2 Version = 11 // SCRAM credentials
	V3_6_IV0 Version = 12 // shrinking the ISR no longer increments the leader epoch
	V3_6_IV1 Version = 13 // metadata transactions
	V3_6_IV2 Version = 14 // delegation tokens
	V3_7_IV0 Version = 15 // controller registrations
	V3_7_IV2 Version = 17 // directories
	V3_9_IV0 Version = 21 // kraft.version 1 by default
	V4_0_IV0 Version = 22 // group.version 1 by default
	V4_0_IV1 Version = 23 // eligible leader replicas
	V4_0_IV2 Version = 24 // transaction.version 2 by default
	V4_0_IV3 Version = 25
	V4_1_IV0 Version = 26 // eligible.leader.replicas.version 1 by default
	V4_1_IV1 Version = 27
	V4_2_IV0 Version = 28 // share.version 1 by default
	V4_2_IV1 Version = 29 // streams.version 1 by default
	V4_3_IV0 Version = 30 // cordoned log directories
	V4_4_IV0 Version = 31 // share.version 2 by default
	V4_4_IV1 Version = 32 // ranges of addresses in ACLs
	V4_4_IV2 Version = 33 // UnregisterController
	V4_5_IV0 Version = 34 // unstable in 4.4; brings no new record

	MinVersion    = V3_3_IV3
	LatestVersion = V4_4_IV2
	// UnstableVersion is the highest level with unstable.feature.versions.enable.
	UnstableVersion = V4_5_IV0
)

var versionNames = [...]string{
	"3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
	"3.7-IV0", "3.7-IV1", "3.7-IV2",
	"3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3",
	"4.1-IV0", "4.1-IV1", "4.2-IV0",
	"4.2-IV1", "4.3-IV0", "4.4-IV0", "4.4-IV1", "4.4-IV2", "4.5-IV0",
}

// String is the level's name, such as 4.4-IV2.
func (v Version) String() string {
	if v < MinVersion || v > UnstableVersion {
		return fmt.Sprintf("metadata.version %d", int16(v))
	}
	return versionNames[v-MinVersion]
}

// Release is the first two numbers of the Kafka release that a level belongs to, such as 4.4.
func (v Version) Release() string {
	release, _, _ := strings.Cut(v.String(), "-")
	return release
}

// ParseVersion parses a level ("33"), a level's name ("4.4-IV2") or a release ("4.4" or "4.4.0",
// which stand for its last production level).
func ParseVersion(s string) (Version, error) {
	var last Version
	for v := MinVersion; v <= UnstableVersion; v++ {
		name := v.String()
		if s == name || s == fmt.Sprint(int16(v)) {
			return v, nil
		}
		release := v.Release()
		if v <= LatestVersion &&
			(s == release ||
				len(s) > len(release) && s[:len(release)+1] == release+"." && s[len(release)+1:] != "") {
			last = v
		}
	}
	if last == 0 {
		return 0, fmt.Errorf(
			"%q is not a metadata.version: give a release from %s to %s or a level such as %v", s,
			MinVersion.Release(), LatestVersion.Release(), LatestVersion,
		)
	}
	return last, nil
}

// LosesMetadata reports whether a downgrade to an earlier level would lose metadata: a level above
// it, up to this one, brought records or fields that the earlier level cannot hold
// (MetadataVersion.checkIfMetadataChanged).
func (v Version) LosesMetadata(to Version) bool {
	for _, level := range []Version{
		V3_4_IV0, V3_5_IV2, V3_6_IV1, V3_6_IV2, V3_7_IV0, V3_7_IV2, V4_0_IV1, V4_3_IV0, V4_4_IV1,
		V4_4_IV2,
	} {
		if to < level && level <= v {
			return true
		}
	}
	return false
}

// HasLeaderEpochBumpOnShrink reports whether a shrinking ISR raises the leader epoch.
func (v Version) HasLeaderEpochBumpOnShrink() bool { return v < V3_6_IV0 }

// HasScram reports whether the log may hold SCRAM credentials.
func (v Version) HasScram() bool { return v >= V3_5_IV2 }

// HasTransactions reports whether the log may hold metadata transactions (KIP-868).
func (v Version) HasTransactions() bool { return v >= V3_6_IV1 }

// HasDelegationTokens reports whether the log may hold delegation tokens.
func (v Version) HasDelegationTokens() bool { return v >= V3_6_IV2 }

// HasControllerRegistration reports whether controllers register themselves in the log.
func (v Version) HasControllerRegistration() bool { return v >= V3_7_IV0 }

// HasDirectories reports whether replicas are assigned to directories (KIP-858).
func (v Version) HasDirectories() bool { return v >= V3_7_IV2 }

// HasElr reports whether partitions may have eligible leader replicas (KIP-966).
func (v Version) HasElr() bool { return v >= V4_0_IV1 }

// HasCordonedDirectories reports whether brokers may take directories out of placement.
func (v Version) HasCordonedDirectories() bool { return v >= V4_3_IV0 }

// HasControllerUnregistration reports whether the log may hold UnregisterController records.
func (v Version) HasControllerUnregistration() bool { return v >= V4_4_IV2 }

// RecordVersion is the version in which r is written at this level. Partition and broker records
// follow the level, BrokerRegistrationChange follows its content, all others have one version.
func (v Version) RecordVersion(r record.Record) int16 {
	switch r := r.(type) {
	case *record.RegisterBroker:
		return v.registerBrokerVersion()
	case *record.Partition, *record.PartitionChange:
		return v.partitionVersion()
	case *record.BrokerRegistrationChange:
		return registrationChangeVersion(r)
	}
	return 0
}

func (v Version) registerBrokerVersion() int16 {
	switch {
	case v.HasCordonedDirectories():
		return 4
	case v.HasDirectories():
		return 3
	case v >= V3_4_IV0:
		return 2
	}
	return 1
}

func (v Version) partitionVersion() int16 {
	switch {
	case v.HasElr():
		return 2
	case v.HasDirectories():
		return 1
	}
	return 0
}

func registrationChangeVersion(r *record.BrokerRegistrationChange) int16 {
	switch {
	case r.CordonedLogDirs != nil:
		return 3
	case len(r.LogDirs) > 0:
		return 2
	case r.InControlledShutdown != 0:
		return 1
	}
	return 0
}
