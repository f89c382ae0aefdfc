package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

var saramaUses = map[string]use{
	"produce":      saramaProduce,
	"idempotent":   saramaIdempotent,
	"transactions": saramaTransactions,
	"read":         saramaRead,
	"group":        saramaGroup,
}

func saramaConfig() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.Producer.Return.Successes = true
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	return cfg
}

func saramaSend(cfg *sarama.Config, seed, topic, prefix string) error {
	p, err := sarama.NewSyncProducer([]string{seed}, cfg)
	if err != nil {
		return err
	}
	return errors.Join(saramaRecords(p, topic, prefix), p.Close())
}

func saramaRecords(p sarama.SyncProducer, topic, prefix string) error {
	for i := range recordsPerCase {
		_, _, err := p.SendMessage(&sarama.ProducerMessage{Topic: topic,
			Value: sarama.StringEncoder(fmt.Sprint(prefix, i))})
		if err != nil {
			return err
		}
	}
	return nil
}

func saramaProduce(seed, topic, _ string) error {
	return saramaSend(saramaConfig(), seed, topic, "plain")
}

func saramaExactlyOnce() *sarama.Config {
	cfg := saramaConfig()
	cfg.Producer.Idempotent, cfg.Net.MaxOpenRequests = true, 1
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	return cfg
}

func saramaIdempotent(seed, topic, _ string) error {
	return saramaSend(saramaExactlyOnce(), seed, topic, "idempotent")
}

func saramaTransactions(seed, topic, name string) error {
	cfg := saramaExactlyOnce()
	cfg.Producer.Transaction.ID = name
	p, err := sarama.NewSyncProducer([]string{seed}, cfg)
	if err != nil {
		return err
	}
	defer p.Close()
	for _, end := range []func() error{p.CommitTxn, p.AbortTxn} {
		if err := errors.Join(p.BeginTxn(), saramaRecords(p, topic, "transaction"), end()); err != nil {
			return err
		}
	}
	return nil
}

func saramaRead(seed, topic, _ string) error {
	c, err := sarama.NewConsumer([]string{seed}, saramaConfig())
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := c.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	for range recordsPerCase {
		<-p.Messages()
	}
	return p.Close()
}

func saramaGroup(seed, topic, name string) error {
	g, err := sarama.NewConsumerGroup([]string{seed}, name, saramaConfig())
	if err != nil {
		return err
	}
	defer g.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reader := &saramaReader{done: cancel}
	err = g.Consume(ctx, []string{topic}, reader)
	if reader.seen < recordsPerCase {
		return fmt.Errorf("%d of %d records: %w", reader.seen, recordsPerCase, err)
	}
	return nil
}

// saramaReader is a group member that leaves after a few records.
type saramaReader struct {
	seen int
	done func()
}

func (*saramaReader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*saramaReader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *saramaReader) ConsumeClaim(
	session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim,
) error {
	for m := range claim.Messages() {
		session.MarkMessage(m, "")
		if r.seen++; r.seen == recordsPerCase {
			session.Commit()
			r.done()
			return nil
		}
	}
	return nil
}
