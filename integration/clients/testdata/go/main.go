// The Go clients: clients LIBRARY CASE SEED TOPIC NAME, or clients LIBRARY admin SEED PREFIX. They
// are a module of their own, so that the main module does not depend on them.
package main

import (
	"fmt"
	"os"
	"time"
)

const (
	recordsPerCase = 5
	deadline       = 30 * time.Second
)

// use is one use of a client that knows the address seed; name is unique to it.
type use func(seed, topic, name string) error

var uses = map[string]map[string]use{
	"sarama":  saramaUses,
	"kafkago": kafkaGoUses,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 4 && args[1] == "admin" && administrators[args[0]] != nil {
		return administrators[args[0]](args[2], args[3])
	}
	if len(args) != 5 {
		return fmt.Errorf("usage: clients LIBRARY CASE SEED TOPIC NAME")
	}
	u := uses[args[0]][args[1]]
	if u == nil {
		return fmt.Errorf("%s has no case %s", args[0], args[1])
	}
	done := make(chan error, 1)
	go func() { done <- u(args[2], args[3], args[4]) }()
	select {
	case err := <-done:
		return err
	case <-time.After(deadline):
		return fmt.Errorf("no end after %v", deadline)
	}
}
