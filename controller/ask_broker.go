package controller

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/turns"
)

const (
	// brokerQuestionsMax is how many requests to brokers may be under way. It is small: a client
	// asks once, when it starts, and then asks brokers itself.
	brokerQuestionsMax = 8
	// brokerQuestionTimeout is less than the shortest usual request timeout of a client, 5 s.
	brokerQuestionTimeout = 2 * time.Second
)

// AskBroker sends a request to a broker's PLAINTEXT endpoint and returns the response of the same
// key and version. It is called by up to brokerQuestionsMax goroutines at a time, and ends with
// ctx.
type AskBroker func(
	ctx context.Context, at record.Endpoint, req kmsg.Request,
) (kmsg.Response, error)

// brokerAsker sends requests of clients on to brokers, to those that are registered and alive and
// only to their advertised endpoints. It may be used by any goroutine.
type brokerAsker struct {
	send  AskBroker
	slots chan struct{}
	turn  atomic.Uint32
}

func newBrokerAsker(send AskBroker) *brokerAsker {
	return &brokerAsker{send: send, slots: make(chan struct{}, brokerQuestionsMax)}
}

var (
	errNoBrokerToAsk    = errors.New("no living broker advertises a PLAINTEXT endpoint")
	errTooManyQuestions = errors.New("too many requests to brokers are under way")
)

// ask sends a request to some living broker, each time to another, and waits for the response.
func (a *brokerAsker) ask(
	ctx context.Context, img *metadata.Image, req kmsg.Request,
) (kmsg.Response, error) {
	endpoints := askableEndpoints(img)
	if a.send == nil || len(endpoints) == 0 {
		return nil, errNoBrokerToAsk
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	default:
		return nil, errTooManyQuestions
	}
	ctx, cancel := context.WithTimeout(ctx, brokerQuestionTimeout)
	defer cancel()
	defer turns.Blocked(ctx)()
	return a.send(ctx, endpoints[a.turn.Add(1)%uint32(len(endpoints))], req)
}

// askableEndpoints are the first PLAINTEXT endpoints of the living brokers: the client of this node
// speaks nothing else.
func askableEndpoints(img *metadata.Image) (endpoints []record.Endpoint) {
	for _, b := range img.Brokers() {
		i := slices.IndexFunc(b.Endpoints, func(e record.Endpoint) bool {
			return e.SecurityProtocol == protocol.Plaintext
		})
		if !b.Fenced && i >= 0 {
			endpoints = append(endpoints, b.Endpoints[i])
		}
	}
	return endpoints
}
