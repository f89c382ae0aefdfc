package controller

import (
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// EpochStart returns the control batch that opens an epoch; the log sets its position. On an empty
// log (first) it also contains kraft.version 1 and the voters, without which brokers do not find
// their controllers. It may be called from any goroutine.
func (c *Controller) EpochStart(epoch int32, first bool) []byte {
	voters := c.Image().Voters()
	if first || voters == nil {
		initial := c.cfg.InitialVoters()
		voters = &initial
	}
	ids := make([]int32, len(voters.Voters))
	for i, v := range voters.Voters {
		ids[i] = v.ID
	}
	slices.Sort(ids)
	controls := []record.Control{&record.LeaderChange{LeaderID: c.cfg.NodeID, Voters: ids,
		GrantingVoters: ids}}
	if first {
		controls = append(controls, &record.KRaftVersion{Version: 1}, voters)
	}
	b, err := metadata.EncodeControl(c.cfg.Clock.Now().UnixMilli(), controls...)
	if err != nil {
		panic(err) // this node's own voter set is never too large to encode
	}
	b.SetPosition(0, epoch)
	return b
}
