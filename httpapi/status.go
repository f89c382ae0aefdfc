package httpapi

import (
	"context"
	"maps"
	"time"

	"github.com/yakt/yakt/controller/acls"
)

// Status is the answer of /v1/status: this node at a glance.
type Status struct {
	// Id of this node.
	NodeID int32 `json:"nodeId" example:"3000"`
	// Id of the cluster. Brokers are formatted with it.
	ClusterID string `json:"clusterId" example:"5L6g3nShT-eMCtK--X86sw"`
	// Id of this node's metadata directory.
	DirectoryID string `json:"directoryId" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	// Version of this program.
	Version string `json:"version" example:"1.0.0"`
	// Raft role of this node.
	State string `json:"state" example:"leader"`
	// Whether this node is the active controller.
	Active bool `json:"active" example:"true"`
	// Id of the leader; -1 if there is none.
	LeaderID int32 `json:"leaderId" minimum:"-1" example:"3000"`
	// Epoch of the leader.
	LeaderEpoch int32 `json:"leaderEpoch" example:"3"`
	// Finalized metadata.version; empty before the first record.
	MetadataVersion string `json:"metadataVersion" example:"4.4-IV2"`
	// Offset of the last record that this node's state contains.
	Offset int64 `json:"offset" minimum:"-1" example:"42"`
	// Number of registered brokers.
	Brokers int `json:"brokers" example:"3"`
	// Number of registered brokers that are alive and not shutting down.
	ActiveBrokers int `json:"activeBrokers" example:"3"`
	// Number of topics.
	Topics int `json:"topics" example:"12"`
	// Number of partitions.
	Partitions int `json:"partitions" example:"36"`
	// Number of partitions without a leader.
	Leaderless int `json:"leaderlessPartitions" example:"0"`
	// Number of entries in the state that Kafka's brokers do not accept; heal removes them.
	Poisoned int `json:"poisoned" example:"0"`
	// Number of internal faults since the start of the process. The node's log describes each.
	Faults int64 `json:"faults" example:"0"`
	// Number of refusals since the start of the process, by the limit that refused: its
	// configuration key.
	Refused map[string]int64 `json:"refused" example:"{\"max.connections\":0}"`
	// Certificates that this node uses, its own and those that it trusts, by listener.
	Certificates []CertificateState `json:"certificates"`
	// Time since the start of the process.
	UptimeSeconds int64 `json:"uptimeSeconds" example:"3600"`
}

// CertificateState is one certificate of a listener's keystore or truststore.
type CertificateState struct {
	// Name of the listener; HTTP for the HTTP API.
	Listener string `json:"listener" example:"CONTROLLER"`
	// keystore for this node's own certificate and its issuers, truststore for those it trusts.
	Store string `json:"store" enum:"keystore,truststore" example:"keystore"`
	// Distinguished name of the subject, as in RFC 2253.
	Subject string `json:"subject" example:"CN=controller-1"`
	// Serial number, hexadecimal.
	Serial string `json:"serial" example:"1f"`
	// When the certificate expires.
	NotAfter string `json:"notAfter" example:"2027-11-22T10:00:00.000Z"`
}

// Quorum is the answer of /v1/quorum.
type Quorum struct {
	// Id of the leader; -1 if there is none.
	LeaderID int32 `json:"leaderId" minimum:"-1" example:"3000"`
	// Epoch of the leader.
	LeaderEpoch int32 `json:"leaderEpoch" example:"3"`
	// Why the leader last changed, from this node's point of view.
	LeaderReason string `json:"leaderReason" example:"elected"`
	// Offset after the last record that a majority has.
	HighWatermark int64 `json:"highWatermark" example:"43"`
	// Offset of the oldest record that this node still serves.
	LogStart int64 `json:"logStartOffset" example:"0"`
	// Offset after the last record that this node has.
	LogEnd int64 `json:"logEndOffset" example:"43"`
	// Offset after the last record of this node's newest snapshot; -1 if there is none.
	SnapshotEnd int64 `json:"snapshotEndOffset" minimum:"-1" example:"-1"`
	// Epoch of that record.
	SnapshotEpoch int32 `json:"snapshotEpoch" minimum:"-1" example:"-1"`
	// Members of the quorum. Only the leader knows the progress of the others.
	Voters []VoterState `json:"voters"`
	// Brokers that follow the log. Only the leader knows them.
	Observers []ObserverState `json:"observers"`
}

// VoterState is one member of the quorum.
type VoterState struct {
	// Id of the node.
	ID int32 `json:"id" example:"3000"`
	// Id of the node's metadata directory; empty until the node has connected.
	DirectoryID string `json:"directoryId" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	// Offset after the last record that the node has; -1 if unknown.
	LogEnd int64 `json:"logEndOffset" minimum:"-1" example:"43"`
	// Number of records that the leader has and the node does not; -1 if unknown.
	Lag int64 `json:"lag" minimum:"-1" example:"0"`
	// When the node last had every record of the leader.
	LastCaughtUp string `json:"lastCaughtUp,omitempty" example:"2026-11-22T10:00:00.000Z"`
	// Whether the node that answers has a connection to this one, or is this one.
	Connected bool `json:"connected" example:"true"`
	// Round trip time to the node; 0 if unknown.
	RTTMs float64 `json:"rttMs" minimum:"0" example:"0.4"`
	// Why there is no connection, or why the last one ended.
	LastError string `json:"lastError,omitempty" example:"connection refused"`
}

// ObserverState is one broker that follows the log.
type ObserverState struct {
	// Id of the broker.
	ID int32 `json:"id" example:"1"`
	// Offset of the broker's last fetch.
	LogEnd int64 `json:"logEndOffset" minimum:"-1" example:"43"`
	// Number of committed records that the broker does not have.
	Lag int64 `json:"lag" minimum:"-1" example:"0"`
	// When the broker last fetched.
	LastFetch string `json:"lastFetch,omitempty" example:"2026-11-22T10:00:00.000Z"`
	// When the broker last had every committed record.
	LastCaughtUp string `json:"lastCaughtUp,omitempty" example:"2026-11-22T10:00:00.000Z"`
}

func (a *API) status() {
	handle(a, operation{
		kind: localKind, name: "status", tag: tagQuorum,
		needs:   onCluster(acls.Describe),
		summary: "Show this node at a glance",
		text:    "The state of this node, the leader, and the size of the cluster.",
	}, a.nodeStatus)
	handle(a, operation{
		kind: readKind, name: "quorum", tag: tagQuorum,
		needs:   onCluster(acls.Describe),
		summary: "Show the quorum and its members",
		text: "The quorum from this node's point of view; with consistency=linearizable from the " +
			"leader's, which alone knows the progress of all members.",
	}, a.quorumState)
}

func certificateStates(all []Certificate) []CertificateState {
	states := make([]CertificateState, len(all))
	for i, c := range all {
		states[i] = CertificateState{c.Listener, c.Store, c.Subject, c.Serial, Time(c.NotAfter)}
	}
	return states
}

func (a *API) nodeStatus(context.Context, *struct{}) (*answer[Status], error) {
	img, n := a.cfg.Controller.Image(), a.cfg.Node()
	s := Status{
		NodeID: a.cfg.NodeID, ClusterID: a.cfg.ClusterID, DirectoryID: a.cfg.DirectoryID,
		Version: a.cfg.Version, State: n.Role, Active: a.leads(),
		LeaderID: n.LeaderID, LeaderEpoch: n.LeaderEpoch, Offset: img.EndOffset() - 1,
		Topics: img.TopicCount(), Partitions: img.PartitionCount(),
		Leaderless: img.LeaderlessCount(), Poisoned: img.PoisonCount(),
		Faults: a.cfg.Controller.Stats().Faults, Refused: a.refusals(),
		Certificates:  certificateStates(n.Certificates),
		UptimeSeconds: int64(time.Since(a.began).Seconds()),
	}
	if v := img.Version(); v != 0 {
		s.MetadataVersion = v.String()
	}
	for _, b := range img.Brokers() {
		s.Brokers++
		if b.Active() {
			s.ActiveBrokers++
		}
	}
	return &answer[Status]{headersOf(img), s}, nil
}

// refusals are the refusals of the node's limits, including the API's own.
func (a *API) refusals() map[string]int64 {
	all := map[string]int64{budgetLimit: a.budget.refusals.Count()}
	if a.cfg.Refused != nil {
		maps.Copy(all, a.cfg.Refused())
	}
	return all
}

func (a *API) quorumState(ctx context.Context, in *ReadParams) (*answer[Quorum], error) {
	if _, err := a.image(ctx, *in); err != nil {
		return nil, err
	}
	n := a.cfg.Node()
	q := Quorum{
		LeaderID: n.LeaderID, LeaderEpoch: n.LeaderEpoch, LeaderReason: n.LeaderReason,
		HighWatermark: n.HighWatermark, LogStart: n.LogStart, LogEnd: n.LogEnd,
		SnapshotEnd: n.SnapshotEnd, SnapshotEpoch: n.SnapshotEpoch,
		Voters:    append([]VoterState{}, n.Voters...), // JSON writes nil as null
		Observers: append([]ObserverState{}, n.Observers...),
	}
	return &answer[Quorum]{headersOf(a.cfg.Controller.Image()), q}, nil
}
