package main

import (
	"context"
	"fmt"
	"time"
)

const (
	creatingBrokers = 6 // brokers unfenced while topics are created
	oneCreate       = "create a topic"
	oneCreateP50    = oneCreate + ", p50"
)

// createOneAtATime is case (a): how long one administrator waits for one topic.
func createOneAtATime(r *run) {
	r.startFleet(creatingBrokers)
	topics := &names{prefix: "one"}
	c := r.dial(r.leaderAddr(), "creator")
	create := func(context.Context, int) error {
		_, err := c.createTopic(topics.next(), 1)
		return err
	}
	r.check(r.drive("warming up", 1, limit{ops: r.n(50, 200)}, create).err)
	l := r.drive("creating topics", 1, limit{ops: r.n(100, 500)}, create)
	r.reportLatency(oneCreate, l)
	r.reportCost(oneCreate, l)
}

// createConcurrently is case (b): how many topics concurrent creators get created.
func createConcurrently(r *run) {
	const creators = 32
	r.startFleet(creatingBrokers)
	topics := &names{prefix: "many"}
	addr := r.leaderAddr()
	var conns []*conn
	for i := range creators {
		conns = append(conns, r.dial(addr, fmt.Sprintf("creator-%d", i)))
	}
	create := func(_ context.Context, w int) error {
		_, err := conns[w].createTopic(topics.next(), 1)
		return err
	}
	r.check(r.drive("warming up", creators, limit{ops: r.n(500, 3000)}, create).err)
	l := r.drive("creating topics", creators, limit{ops: r.n(2000, 10000), time: time.Minute},
		create)
	r.reportRate("32 creators: create", l)
}

// createLarge is case (c): topics of many partitions.
func createLarge(r *run) {
	r.startFleet(creatingBrokers)
	c := r.dial(r.leaderAddr(), "creator")
	for _, partitions := range []int32{100, 1000} {
		topics := &names{prefix: fmt.Sprintf("of-%d", partitions)}
		create := func(context.Context, int) error {
			_, err := c.createTopic(topics.next(), partitions)
			return err
		}
		r.check(r.drive("warming up", 1, limit{ops: r.n(5000, 20000) / int(partitions)},
			create).err)
		what := fmt.Sprintf("create %d partitions", partitions)
		l := r.drive(what, 1, limit{ops: r.n(10_000, 50_000) / int(partitions)}, create)
		r.reportLatency(what, l)
		r.report(what+", partitions a second", "1/s", higher, l.rate()*float64(partitions))
	}
}
