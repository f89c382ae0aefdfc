package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/turns"
)

// fakeBroker answers requests with answer, which may be nil, and keeps them.
type fakeBroker struct {
	requests []kmsg.Request
	at       []string
	answer   func(kmsg.Request) (kmsg.Response, error)
}

func (b *fakeBroker) ask(
	_ context.Context, at record.Endpoint, req kmsg.Request,
) (kmsg.Response, error) {
	b.requests, b.at = append(b.requests, req), append(b.at, at.Host)
	if b.answer == nil {
		return nil, errors.New("refused")
	}
	return b.answer(req)
}

func TestInitProducerID(t *testing.T) {
	c, _ := newReadController(t, coordinators()...)
	id, none := "tx", ""
	eachVersion(t, 22, func(t *testing.T, v int16) {
		for _, test := range []struct {
			what          string
			transactional *string
			id            int64
			epoch         int16
			broker        int16 // the broker's error code
			want, asked   int16
			since         int16
		}{
			{"idempotent", nil, -1, -1, 0, 0, 1, 0},
			{"again", nil, 5, 1, 0, 0, 1, 3},
			{"this node may not", nil, -1, -1, 31, 14, 1, 0},
			{"transactional", &id, -1, -1, 0, 16, 0, 0},
			{"empty id", &none, -1, -1, 0, 42, 0, 0},
			{"id without epoch", nil, 5, -1, 0, 42, 0, 3},
			{"epoch without id", &id, -1, 5, 0, 42, 0, 3},
		} {
			if v < test.since {
				continue
			}
			broker := fakeBroker{answer: func(req kmsg.Request) (kmsg.Response, error) {
				resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
				resp.ProducerID, resp.ProducerEpoch, resp.ErrorCode = 77, 3, test.broker
				return resp, nil
			}}
			c.brokers = newBrokerAsker(broker.ask)
			req := kmsg.NewPtrInitProducerIDRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch =
				test.transactional, test.id, test.epoch
			resp := ask[*kmsg.InitProducerIDResponse](t, c, controllerCaller, req, v)
			id, epoch := int64(-1), int16(-1)
			if test.want == 0 {
				id, epoch = 77, 3
			}
			if resp.ErrorCode != test.want || resp.ProducerID != id ||
				resp.ProducerEpoch != epoch || len(broker.requests) != int(test.asked) {
				t.Errorf("v%d %s: %+v, asked %v", v, test.what, resp, broker.at)
			}
		}
	})
}

// TestAskBroker: only living brokers are asked, at their PLAINTEXT endpoints, in turn, and only a
// few at a time.
func TestAskBroker(t *testing.T) {
	c, _ := newReadController(t, append(clientCluster(), &record.RegisterBroker{BrokerID: 5,
		Endpoints: []record.Endpoint{{Name: "PLAINTEXT", Host: "five", Port: 1}}})...)
	broker := fakeBroker{answer: func(req kmsg.Request) (kmsg.Response, error) {
		return req.ResponseKind(), nil
	}}
	a := newBrokerAsker(broker.ask)
	for range 2 * brokerQuestionsMax {
		if _, err := a.ask(t.Context(), c.Image(), kmsg.NewPtrInitProducerIDRequest()); err != nil {
			t.Fatal(err)
		}
	}
	hosts := map[string]int{}
	for _, host := range broker.at {
		hosts[host]++
	}
	if hosts["i"] != brokerQuestionsMax || hosts["five"] != brokerQuestionsMax {
		t.Errorf("asked %v", hosts)
	}
	for range brokerQuestionsMax {
		a.slots <- struct{}{}
	}
	_, err := a.ask(t.Context(), c.Image(), kmsg.NewPtrInitProducerIDRequest())
	if !errors.Is(err, errTooManyQuestions) {
		t.Error(err)
	}
	alone, _ := newReadController(t)
	_, err = newBrokerAsker(broker.ask).ask(t.Context(), alone.Image(),
		kmsg.NewPtrInitProducerIDRequest())
	if !errors.Is(err, errNoBrokerToAsk) {
		t.Error(err)
	}
}

// TestAskingABrokerKeepsNoPlace: while a broker is asked, others may use the processor.
func TestAskingABrokerKeepsNoPlace(t *testing.T) {
	t.Parallel()
	c, _ := newReadController(t, clientCluster()...)
	places := turns.New(2)
	var usage, others turns.Usage
	mine, other := places.Turn(&usage), places.Turn(&others)
	mine.Take(nil)
	send := func(ctx context.Context, _ record.Endpoint, req kmsg.Request) (kmsg.Response, error) {
		// a place that is held for a second is lost in any case
		ctx, stop := context.WithTimeout(ctx, time.Second/2)
		defer stop()
		if other.Take(ctx.Done()); !other.Held() {
			return nil, errors.New("no place became free")
		}
		other.Drop()
		return req.ResponseKind(), nil
	}
	ctx := turns.NewContext(t.Context(), mine)
	req := kmsg.NewPtrInitProducerIDRequest()
	if _, err := newBrokerAsker(send).ask(ctx, c.Image(), req); err != nil {
		t.Error(err)
	}
}
