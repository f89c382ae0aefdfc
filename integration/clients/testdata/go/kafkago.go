package main

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

// kafka-go has neither idempotent nor transactional producers.
var kafkaGoUses = map[string]use{
	"produce": kafkaGoProduce,
	"read":    kafkaGoRead,
	"group":   kafkaGoGroup,
}

func kafkaGoProduce(seed, topic, _ string) error {
	w := &kafka.Writer{Addr: kafka.TCP(seed), Topic: topic, RequiredAcks: kafka.RequireAll}
	messages := make([]kafka.Message, recordsPerCase)
	for i := range messages {
		messages[i].Value = []byte("plain")
	}
	return errors.Join(w.WriteMessages(context.Background(), messages...), w.Close())
}

func kafkaGoReadWith(cfg kafka.ReaderConfig) error {
	cfg.MinBytes, cfg.MaxBytes = 1, 1<<20
	r := kafka.NewReader(cfg)
	for range recordsPerCase {
		if _, err := r.ReadMessage(context.Background()); err != nil {
			return err
		}
	}
	return r.Close()
}

func kafkaGoRead(seed, topic, _ string) error {
	return kafkaGoReadWith(kafka.ReaderConfig{Brokers: []string{seed}, Topic: topic})
}

func kafkaGoGroup(seed, topic, name string) error {
	return kafkaGoReadWith(kafka.ReaderConfig{Brokers: []string{seed}, Topic: topic, GroupID: name,
		StartOffset: kafka.FirstOffset})
}
