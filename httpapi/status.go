package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Status is /v1/status.
type Status struct {
	NodeID          int32  `json:"nodeId" doc:"This node." example:"3000"`
	ClusterID       string `json:"clusterId" doc:"The cluster; brokers are formatted with it." example:"5L6g3nShT-eMCtK--X86sw"`
	DirectoryID     string `json:"directoryId" doc:"This node's metadata directory." example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	Version         string `json:"version" doc:"Version of this program." example:"1.0.0"`
	State           string `json:"state" doc:"What this node is in the quorum." example:"leader"`
	Active          bool   `json:"active" doc:"Whether this node is the active controller." example:"true"`
	LeaderID        int32  `json:"leaderId" minimum:"-1" doc:"Who leads; -1 for nobody." example:"3000"`
	LeaderEpoch     int32  `json:"leaderEpoch" doc:"Since which epoch." example:"3"`
	MetadataVersion string `json:"metadataVersion" doc:"Finalized metadata.version; empty before the first record." example:"4.3-IV0"`
	Offset          int64  `json:"offset" minimum:"-1" doc:"Last offset that this node's state contains." example:"42"`
	Brokers         int    `json:"brokers" doc:"Registered brokers." example:"3"`
	ActiveBrokers   int    `json:"activeBrokers" doc:"Of those, alive and not shutting down." example:"3"`
	Topics          int    `json:"topics" doc:"Topics." example:"12"`
	Partitions      int    `json:"partitions" doc:"Partitions." example:"36"`
	Leaderless      int    `json:"leaderlessPartitions" doc:"Partitions without a leader." example:"0"`
	Poisoned        int    `json:"poisoned" doc:"Things in the state that Kafka's brokers do not accept; heal takes them out." example:"0"`
	Faults          int64  `json:"faults" doc:"Internal faults since the start; each is in the log." example:"0"`
	UptimeSeconds   int64  `json:"uptimeSeconds" doc:"Since the start." example:"3600"`
}

// Quorum is /v1/quorum.
type Quorum struct {
	LeaderID      int32           `json:"leaderId" minimum:"-1" doc:"Who leads; -1 for nobody." example:"3000"`
	LeaderEpoch   int32           `json:"leaderEpoch" doc:"Since which epoch." example:"3"`
	LeaderReason  string          `json:"leaderReason" doc:"Why leadership last changed, as this node saw it." example:"elected"`
	HighWatermark int64           `json:"highWatermark" doc:"Offset after the last record that a majority holds." example:"43"`
	LogStart      int64           `json:"logStartOffset" doc:"Offset of the oldest record that this node still serves." example:"0"`
	LogEnd        int64           `json:"logEndOffset" doc:"Offset after the last record that this node has." example:"43"`
	SnapshotEnd   int64           `json:"snapshotEndOffset" minimum:"-1" doc:"Offset after the last record of this node's newest snapshot; -1 for none." example:"-1"`
	SnapshotEpoch int32           `json:"snapshotEpoch" minimum:"-1" doc:"Epoch of that record." example:"-1"`
	Voters        []VoterState    `json:"voters" doc:"Members of the quorum. Progress of the others is known to the leader only."`
	Observers     []ObserverState `json:"observers" doc:"Brokers that follow the log; known to the leader only."`
}

// VoterState is one member of the quorum.
type VoterState struct {
	ID           int32   `json:"id" doc:"The node." example:"3000"`
	DirectoryID  string  `json:"directoryId" doc:"Its metadata directory; empty until heard of." example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	LogEnd       int64   `json:"logEndOffset" minimum:"-1" doc:"Offset after the last record it has; -1 when not known." example:"43"`
	Lag          int64   `json:"lag" minimum:"-1" doc:"Records it is behind the leader; -1 when not known." example:"0"`
	LastCaughtUp string  `json:"lastCaughtUp,omitempty" doc:"When it last had everything." example:"2026-11-22T10:00:00.000Z"`
	Connected    bool    `json:"connected" doc:"Whether this node has a connection to it, or is it." example:"true"`
	RTTMs        float64 `json:"rttMs" minimum:"0" doc:"Round trip to it; 0 when not known." example:"0.4"`
	LastError    string  `json:"lastError,omitempty" doc:"Why there is no connection, or the last one ended." example:"connection refused"`
}

// ObserverState is one broker that follows the log.
type ObserverState struct {
	ID           int32  `json:"id" doc:"The broker." example:"1"`
	LogEnd       int64  `json:"logEndOffset" minimum:"-1" doc:"Offset it fetched last." example:"43"`
	Lag          int64  `json:"lag" minimum:"-1" doc:"Records it is behind." example:"0"`
	LastFetch    string `json:"lastFetch,omitempty" doc:"When it last fetched." example:"2026-11-22T10:00:00.000Z"`
	LastCaughtUp string `json:"lastCaughtUp,omitempty" doc:"When it last had everything." example:"2026-11-22T10:00:00.000Z"`
}

func (a *API) status() {
	huma.Register(a.huma, describe(http.MethodGet, "status", tagQuorum, "This node at a glance", "What this node is, who leads, and how large the cluster is."), a.nodeStatus)
	huma.Register(a.huma, describe(http.MethodGet, "quorum", tagQuorum, "The quorum and its members",
		"As this node sees it; with consistency=linearizable as the leader does, which alone knows the "+
			"progress of all members.", readStatuses...), a.quorumState)
}

func (a *API) nodeStatus(context.Context, *struct{}) (*answer[Status], error) {
	img, n := a.cfg.Controller.Image(), a.cfg.Node()
	s := Status{
		NodeID: a.cfg.NodeID, ClusterID: a.cfg.ClusterID, DirectoryID: a.cfg.DirectoryID, Version: a.cfg.Version,
		State: n.Role, Active: a.leads(), LeaderID: n.LeaderID, LeaderEpoch: n.LeaderEpoch,
		Offset: img.EndOffset() - 1, Topics: img.TopicCount(), Partitions: img.PartitionCount(), Leaderless: img.LeaderlessCount(),
		Poisoned: img.PoisonCount(), Faults: a.cfg.Controller.Stats().Faults, UptimeSeconds: int64(time.Since(a.began).Seconds()),
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

func (a *API) quorumState(ctx context.Context, in *ReadParams) (*answer[Quorum], error) {
	if _, err := a.read(ctx, *in); err != nil {
		return nil, err
	}
	n := a.cfg.Node()
	q := Quorum{
		LeaderID: n.LeaderID, LeaderEpoch: n.LeaderEpoch, LeaderReason: n.LeaderReason, HighWatermark: n.HighWatermark, LogStart: n.LogStart, LogEnd: n.LogEnd,
		SnapshotEnd: n.SnapshotEnd, SnapshotEpoch: n.SnapshotEpoch, Voters: []VoterState{}, Observers: []ObserverState{},
	}
	q.Voters, q.Observers = append(q.Voters, n.Voters...), append(q.Observers, n.Observers...)
	return &answer[Quorum]{headersOf(a.cfg.Controller.Image()), q}, nil
}
