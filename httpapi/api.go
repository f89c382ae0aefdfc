// Package httpapi is the controller's HTTP interface: the operations of the project's contract, the log and the state for
// people and scripts, and health. It acts on the same controller as the Kafka port and knows nothing that is not in its image and log.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/turns"
)

// Config is what an API is told at its making.
type Config struct {
	NodeID      int32
	ClusterID   string
	DirectoryID string
	Version     string // of this program
	// Hosts are the names that requests may give this node in Host, besides IP addresses and names
	// that the public DNS does not have; "*" is any name.
	Hosts      []string
	Controller *controller.Controller
	Log        controller.Log
	// Leader is who leads the quorum, -1 for nobody, and where clients reach its HTTP API, as
	// host:port; "" when other machines do not, or that is not known.
	Leader func() (id int32, address string)
	// ReadLog returns committed batches from the one that contains an offset on, and where the log starts and ends.
	ReadLog func(from int64, maxBytes int) (records []byte, start, end int64)
	// Node is the raft layer's state for /readyz, /v1/status and /v1/quorum.
	Node func() NodeState
	// SessionTimeout and HeartbeatInterval are the brokers'.
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	// WaitMax bounds a long poll; a minute when zero.
	WaitMax time.Duration
	// OperationTimeout bounds a write; 30 s when zero.
	OperationTimeout time.Duration
	// BodyTimeout bounds how long the body of a request may take to arrive; 10 s when zero.
	BodyTimeout time.Duration
	// PassTo takes a request to another node's API, whatever its host; an error that is a *net.OpError
	// of a dial says that nothing was sent.
	PassTo func(node int32) http.RoundTripper
	// BudgetBytes bounds what all large requests and their answers may take in memory; 32 MiB when
	// zero. One address may have half of it.
	BudgetBytes int64
	// Turns are the places on which requests work; half of the processors, of its own, when nil.
	Turns  *turns.Places
	Logger *slog.Logger
}

// API serves HTTP. Its methods may be called from any goroutine.
type API struct {
	cfg     Config
	huma    huma.API
	handler http.Handler
	forward *forwarder
	heard   httpBrokers
	told    cache
	pulse   pulse
	budget  *budget
	began   time.Time
	failure atomic.Pointer[error] // why this node is about to exit; nil while it is not
	// streams ends when the server shuts down: long polls and streams would keep it waiting.
	streams context.Context
	close   context.CancelFunc
}

// New makes an API.
func New(cfg Config) *API {
	if cfg.WaitMax == 0 {
		cfg.WaitMax = time.Minute
	}
	if cfg.OperationTimeout == 0 {
		cfg.OperationTimeout = 30 * time.Second
	}
	if cfg.BodyTimeout == 0 {
		cfg.BodyTimeout = 10 * time.Second
	}
	if cfg.Turns == nil {
		cfg.Turns = turns.New(runtime.GOMAXPROCS(0))
	}
	if cfg.BudgetBytes == 0 {
		cfg.BudgetBytes = 32 << 20
	}
	a := &API{cfg: cfg, began: time.Now()}
	a.budget = newBudget(cfg.BudgetBytes, limits.NewRefusals(budgetLimit, cfg.Logger))
	a.streams, a.close = context.WithCancel(context.Background())
	a.forward = &forwarder{cfg: &a.cfg, closing: a.streams}
	mux := http.NewServeMux()
	a.huma = humago.New(mux, humaConfig(cfg.Version))
	a.brokers()
	a.topics()
	a.partitions()
	a.producers()
	a.feeds()
	a.health()
	a.status()
	a.log()
	a.heal()
	a.examples()
	a.docs(mux)
	a.handler = a.guard(mux)
	return a
}

// OpenAPI is the API's own description.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Close ends long polls and streams; requests that wait for nothing are answered.
func (a *API) Close() { a.close() }

// Fail has every later request refused with the reason why this node is about to exit, but for
// /livez and /readyz, which fail and name it. Long polls and streams end. It does not wait.
func (a *API) Fail(err error) {
	a.failure.Store(&err)
	a.close()
}

func humaConfig(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "YAKt", Version: version,
				Description: "A Kafka controller quorum over HTTP. Every operation acts on the same log as the Kafka port. Canonical paths begin with /v1; the operations answer without it, too.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: []*huma.Tag{
				{Name: tagBrokers, Description: "Registrations and heartbeats."}, {Name: tagTopics, Description: "Topics, partitions and replicas."},
				{Name: tagProducers, Description: "Producer ids."}, {Name: tagFeeds, Description: "What changed since."},
				{Name: tagQuorum, Description: "The controllers, their log and their health."},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
		},
		Formats:                      map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// Tags of operations.
const (
	tagBrokers   = "brokers"
	tagTopics    = "topics"
	tagProducers = "producers"
	tagFeeds     = "feeds"
	tagQuorum    = "quorum"
)

// httpListener is the caller's listener name for requests that came over HTTP.
const httpListener = "HTTP"

// caller is who sent a request, in the controller's words.
func caller(ctx context.Context) protocol.Caller {
	return protocol.Caller{Listener: httpListener, Principal: "User:ANONYMOUS", ClientAddr: clientOf(ctx), ClientID: "http"}
}

func clientOf(ctx context.Context) string {
	addr, _ := ctx.Value(clientAddr{}).(string)
	return addr
}

// clientAddr is the context key of the caller's IP address.
type clientAddr struct{}

// bounded is the time that a write has.
func (a *API) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, a.cfg.OperationTimeout)
}
