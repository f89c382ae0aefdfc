package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
)

// administrators run the steps of a library's admin client against the node at seed; names that
// they make begin with prefix.
var administrators = map[string]func(seed, prefix string) error{
	"sarama":  saramaAdmin,
	"kafkago": kafkaGoAdmin,
	"kadm":    kadmAdmin,
}

// step prints the step's name and the code of Kafka's error, 0 for success.
func step(name string, action func() error) {
	err := action()
	outcome := "0"
	if err != nil {
		if outcome = err.Error(); codeOf(err) != 0 {
			outcome = fmt.Sprint(codeOf(err))
		}
	}
	fmt.Printf("%s\t%s\n", name, outcome)
}

// codeOf is Kafka's error code, 0 if a library's error has none.
func codeOf(err error) int {
	var s sarama.KError
	var k kafka.Error
	var f *kerr.Error
	switch {
	case errors.As(err, &s):
		return int(s)
	case errors.As(err, &k):
		return int(k)
	case errors.As(err, &f):
		return int(f.Code)
	}
	return 0
}

func equal(got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("unexpected: %v, want %v", got, want)
	}
	return nil
}

// until repeats look until it succeeds: brokers learn of a change a moment after its answer.
func until(look func() error) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if err := look(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func ask[Q, R any](f func(context.Context, Q) (R, error), request Q) (R, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return f(ctx, request)
}

// errorOr is err, or an error of this text.
func errorOr(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}
