package node

import (
	"slices"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// kraftVersionMax is the highest kraft.version that a voter of this release supports.
const kraftVersionMax = 1

// initialVoters returns the first voter set of a new quorum: that of the 0-0 checkpoint or, in a
// static quorum, the configured one. It is empty if there is neither.
func (n *Node) initialVoters() record.Voters {
	var set record.Voters
	if n.storage.voters != nil {
		for _, v := range n.storage.voters.Voters {
			if v.ID == n.cfg.NodeID {
				v = voterOf(v.ID, n.storage.directoryID, n.registration.Endpoints)
			}
			set.Voters = append(set.Voters, v)
		}
		return set
	}
	for _, v := range n.cfg.Quorum.Voters {
		set.Voters = append(set.Voters, n.staticVoter(v))
	}
	return set
}

// staticVoter describes a voter of controller.quorum.voters by its handshake, or else by its
// configured address alone.
func (n *Node) staticVoter(v config.Voter) record.Voter {
	if v.ID == n.cfg.NodeID {
		return voterOf(v.ID, n.storage.directoryID, n.registration.Endpoints)
	}
	for _, p := range n.log.Peers() {
		if p.NodeID == v.ID {
			if r, _, err := introduced(p.Info); err == nil {
				return voterOf(v.ID, p.DirectoryID, r.Endpoints)
			}
		}
	}
	endpoint := record.Endpoint{
		Name: n.cfg.ControllerListenerNames[0], Host: v.Host, Port: uint16(v.Port),
	}
	return voterOf(v.ID, protocol.UUID{}, []record.Endpoint{endpoint})
}

func voterOf(id int32, directory protocol.UUID, endpoints []record.Endpoint) record.Voter {
	v := record.Voter{ID: id, DirectoryID: directory, KRaftVersionMax: kraftVersionMax}
	for _, e := range endpoints {
		v.Endpoints = append(v.Endpoints, record.VoterEndpoint{Name: e.Name, Host: e.Host, Port: e.Port})
	}
	return v
}

func voterIDs(set record.Voters) []int32 {
	var ids []int32
	for _, v := range set.Voters {
		ids = append(ids, v.ID)
	}
	return ids
}

// addresses lists where to dial a voter, in this order: yakt.peer.addresses, the log,
// controller.quorum.voters, the 0-0 checkpoint.
func (n *Node) addresses(id int32) []string {
	var all []string
	add := func(a string) {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if at, ok := n.cfg.Quorum.PeerAddresses[id]; ok {
		return []string{at.String()}
	}
	if set := n.controller.Image().Voters(); set != nil {
		n.addEndpoints(*set, id, add)
	}
	for _, v := range n.cfg.Quorum.Voters {
		if v.ID == id {
			add(v.String())
		}
	}
	if n.storage.voters != nil {
		n.addEndpoints(*n.storage.voters, id, add)
	}
	return all
}

func (n *Node) addEndpoints(set record.Voters, id int32, add func(string)) {
	for _, v := range set.Voters {
		for _, e := range v.Endpoints {
			if v.ID == id && e.Name == n.cfg.ControllerListenerNames[0] {
				add(config.HostPort{Host: e.Host, Port: int(e.Port)}.String())
			}
		}
	}
}

// voterDirectory returns the directory id of a voter according to the log, or else to the 0-0
// checkpoint; zero if neither has it.
func (n *Node) voterDirectory(id int32) [16]byte {
	set := n.controller.Image().Voters()
	if set == nil {
		set = n.storage.voters
	}
	if set == nil {
		return [16]byte{}
	}
	for _, v := range set.Voters {
		if v.ID == id {
			return v.DirectoryID
		}
	}
	return [16]byte{}
}
