package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// question sends a good client's n-th request of a kind and returns what is wrong with the answer.
type question func(ctx context.Context, n int) error

// goodQuestions returns the requests that a good client sends to a controller, by kind.
func goodQuestions(ctx context.Context, asked Asked) map[string]question {
	secured, err := asked.tls()
	if err != nil {
		return map[string]question{"tls": func(context.Context, int) error { return err }}
	}
	var opts []kgo.Opt
	if secured != nil {
		opts = append(opts, kgo.DialTLSConfig(secured))
	}
	epoch, err := RegisterFake(ctx, asked.Addr, goodBroker, opts...)
	if err != nil {
		epoch = -1 // its heartbeats will fail, too
	}
	life := time.Now().UnixNano()
	topic := func(n int) string { return fmt.Sprintf("good-%d-%d", life, n) }
	kept := func(next func(n int) kmsg.Request) question {
		return (&goodConn{addr: asked.Addr, tls: secured}).asking(next)
	}
	return map[string]question{
		"versions": (&goodConn{addr: asked.Addr, tls: secured,
			perRequest: true}).asking(func(int) kmsg.Request { return Versions() }),
		"heartbeat": kept(func(int) kmsg.Request {
			beat := WithVersion(kmsg.NewPtrBrokerHeartbeatRequest(), 1)
			beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = goodBroker, epoch, epoch
			return beat
		}),
		"metadata": kept(func(n int) kmsg.Request { return metadataOf(topic(max(0, n-1))) }),
		"large": kept(func(int) kmsg.Request {
			names := make([]string, largeTopics)
			for n := range names {
				names[n] = fmt.Sprintf("a-topic-that-is-not-there-%d", n)
			}
			return metadataOf(names...)
		}),
		"create": kept(func(n int) kmsg.Request { return creation(1, topic(n)) }),
		"health": health(asked.HTTPAddr),
	}
}

// Versions is an ApiVersions request of the newest version.
func Versions() kmsg.Request {
	req := WithVersion(kmsg.NewPtrApiVersionsRequest(), 4)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "good", "1"
	return req
}

func metadataOf(names ...string) kmsg.Request {
	req := WithVersion(kmsg.NewPtrMetadataRequest(), 12)
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func creation(partitions int32, names ...string) kmsg.Request {
	req := WithVersion(kmsg.NewPtrCreateTopicsRequest(), 7)
	req.TimeoutMillis = int32(goodRequestMax.Milliseconds())
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// health requests a node's health over HTTP.
func health(addr string) question {
	return func(ctx context.Context, _ int) error {
		ctx, cancel := context.WithTimeout(ctx, goodRequestMax)
		defer cancel()
		_, err := Get(ctx, "http://"+addr+"/livez")
		return err
	}
}

// goodConn is a connection of a good client; it reconnects when the connection is broken.
type goodConn struct {
	addr       string
	tls        *tls.Config // nil: without
	perRequest bool        // a new one for each request
	nc         net.Conn
}

// asking returns a question that sends the request that next makes.
func (c *goodConn) asking(next func(n int) kmsg.Request) question {
	return func(ctx context.Context, n int) error { return c.ask(ctx, next(n)) }
}

func (c *goodConn) close() {
	if c.nc != nil {
		c.nc.Close()
		c.nc = nil
	}
}

// ask sends a request and returns what is wrong with its answer. It stops when ctx ends.
func (c *goodConn) ask(ctx context.Context, req kmsg.Request) (err error) {
	if c.nc == nil {
		nc, err := Dial(ctx, c.addr, 0)
		if err != nil {
			return err
		}
		if c.nc = nc; c.tls != nil {
			c.nc = tls.Client(nc, c.tls) // it shakes hands when it is first used
		}
	}
	nc := c.nc
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	resp, err := Exchange(nc, req, goodRequestMax)
	if err != nil || c.perRequest {
		c.close()
	}
	if err != nil {
		return err
	}
	return refused(resp)
}

// refused is the error that a response carries.
func refused(resp kmsg.Response) error {
	switch r := resp.(type) {
	case *kmsg.ApiVersionsResponse:
		return kerr.ErrorForCode(r.ErrorCode)
	case *kmsg.BrokerHeartbeatResponse:
		return kerr.ErrorForCode(r.ErrorCode)
	case *kmsg.MetadataResponse:
		// The topic may not exist yet.
		if err := kerr.ErrorForCode(r.Topics[0].ErrorCode); !errors.Is(err,
			kerr.UnknownTopicOrPartition) {
			return err
		}
	case *kmsg.CreateTopicsResponse:
		return kerr.ErrorForCode(r.Topics[0].ErrorCode)
	}
	return nil
}
