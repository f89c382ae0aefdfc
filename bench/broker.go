package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// broker is a simulated broker: it sends its controller the requests of a 4.4 broker and stores no
// data. Its methods use its connection and are not for concurrent use.
type broker struct {
	id          int32
	clusterID   string
	epoch       int64 // from its registration
	directory   [16]byte
	incarnation [16]byte
	conn        *conn
	beat        kmsg.BrokerHeartbeatRequest // reused by heartbeats without a pause
}

func newBroker(id int32, clusterID string) *broker {
	b := &broker{id: id, clusterID: clusterID, directory: randomUUID(), incarnation: randomUUID()}
	b.beat.Default()
	b.beat.Version, b.beat.BrokerID = 2, id
	return b
}

// randomUUID never returns one of Kafka's reserved ids.
func randomUUID() (id [16]byte) {
	rand.Read(id[:])
	id[0] |= 1
	return id
}

func (b *broker) clientID() string { return fmt.Sprint(b.id) }

// connect makes or replaces the connection for registration and heartbeats.
func (b *broker) connect(ctx context.Context, addr string) (err error) {
	b.conn.close()
	b.conn, err = dial(ctx, addr, b.clientID())
	return err
}

// start connects and registers.
func (b *broker) start(ctx context.Context, addr string) error {
	if err := b.connect(ctx, addr); err != nil {
		return err
	}
	return b.register()
}

// register registers this incarnation with version 4 of the request.
func (b *broker) register() error {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID, req.IncarnationID = 4, b.id, b.clusterID,
		b.incarnation
	req.LogDirs = [][16]byte{b.directory}
	listener := kmsg.NewBrokerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "PLAINTEXT", "127.0.0.1", uint16(1024+b.id%60000)
	req.Listeners = append(req.Listeners, listener)
	for name, levels := range kafka.BrokerFeatures {
		f := kmsg.NewBrokerRegistrationRequestFeature()
		f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = name, levels[0], levels[1]
		req.Features = append(req.Features, f)
	}
	resp, err := ask[*kmsg.BrokerRegistrationResponse](b.conn, req)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("register broker %d: %w", b.id, err)
	}
	b.epoch = resp.BrokerEpoch
	return nil
}

// heartbeat reports offset as the last applied metadata record.
func (b *broker) heartbeat(offset int64, wantFence bool) (fenced bool, err error) {
	b.beat.BrokerEpoch, b.beat.CurrentMetadataOffset, b.beat.WantFence = b.epoch, offset, wantFence
	b.beat.CordonedLogDirs = [][16]byte{} // empty, which a broker since 4.3 sends once it knows
	resp, err := ask[*kmsg.BrokerHeartbeatResponse](b.conn, &b.beat)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return false, fmt.Errorf("heartbeat of broker %d: %w", b.id, err)
	}
	return resp.IsFenced, nil
}
