// Package httpapi serves the controller over HTTP: operations on brokers, topics and producer ids,
// feeds of changes, the metadata log and health, with an OpenAPI document of them all.
//
// It acts on the same controller as the Kafka port, and shows only what is in the controller's
// image and log. Callers are authenticated as Config.Auth says, and authorized by the controller's
// authorizer, as requests of Kafka's clients are.
package httpapi

import (
	"cmp"
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
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/turns"
)

// Config holds the settings and the parts of a node that an API needs. Its functions must be safe
// for concurrent use.
type Config struct {
	NodeID      int32
	ClusterID   string
	DirectoryID string
	Version     string // this program's release
	// Hosts are the names that requests may have in their Host header, besides IP addresses and
	// names that the public DNS does not contain; "*" allows every name.
	Hosts      []string
	Controller *controller.Controller
	Log        controller.Log
	// Leader returns the id of the quorum's leader, -1 if there is none, and the host:port where
	// clients reach its HTTP API; "" if they cannot, or if it is not known.
	Leader func() (id int32, address string)
	// ReadLog returns committed batches, beginning with the one that contains the offset from, and
	// the offsets where the log starts and ends.
	ReadLog func(from int64, maxBytes int) (records []byte, start, end int64)
	// Node returns the raft layer's state for /readyz, /v1/status and /v1/quorum.
	Node func() NodeState
	// Refused returns how often each limit of the node has refused something since its start, by
	// the limit's name; the API adds its own limit. It may be nil.
	Refused func() map[string]int64
	// SessionTimeout and HeartbeatInterval are those of the brokers.
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	// WaitMax bounds a long poll; 0 means a minute.
	WaitMax time.Duration
	// OperationTimeout bounds a write; 0 means 30 s.
	OperationTimeout time.Duration
	// BodyTimeout bounds the arrival of a request's body; 0 means 10 s.
	BodyTimeout time.Duration
	// PassTo returns the transport to another node's API, whatever host the request names. Its
	// error is a *net.OpError of a dial only if nothing was sent.
	PassTo func(node int32) http.RoundTripper
	// BudgetBytes bounds the memory of all large requests and their answers; 0 means 32 MiB. One
	// client address may use half of it.
	BudgetBytes int64
	// Turns is the scheduler of the processor that requests share with the Kafka port; nil means
	// one of the API's own.
	Turns  *turns.Places
	Logger *slog.Logger
	// Loggers are the loggers of the process; nil: those that Logger is one of.
	Loggers *loglevel.Loggers
	// Auth says how clients prove who they are.
	Auth Authentication
	// Now is the clock of authentication; nil: time.Now.
	Now func() time.Time
}

// API serves HTTP. Its methods may be called from any goroutine.
type API struct {
	cfg      Config
	huma     huma.API
	services services     // how each path is served; complete when New returns
	fields   fieldDocs    // descriptions of answers' fields, for the OpenAPI document
	handler  http.Handler // the whole chain: guard, budget, forwarding, operations
	forward  *forwarder
	// httpBrokers are the brokers without a process of their own; see there.
	httpBrokers httpBrokers
	cache       batchCache
	pulse       pulse
	budget      *budget
	keys        *keys
	verifier    *verifier
	began       time.Time
	failure     atomic.Pointer[error] // why this node is about to exit; nil if it is not
	// streams ends when the node stops: long polls and streams would delay the server's shutdown.
	streams context.Context
	close   context.CancelFunc
}

// New makes an API. It owns nothing of cfg and starts nothing.
func New(cfg Config) *API {
	setHuma()
	cfg.WaitMax = cmp.Or(cfg.WaitMax, time.Minute)
	cfg.OperationTimeout = cmp.Or(cfg.OperationTimeout, 30*time.Second)
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, 10*time.Second)
	cfg.BudgetBytes = cmp.Or(cfg.BudgetBytes, 32<<20)
	if cfg.Loggers == nil {
		cfg.Loggers = loglevel.Of(cfg.Logger)
	}
	if cfg.Turns == nil {
		cfg.Turns = turns.New(runtime.GOMAXPROCS(0))
	}
	a := &API{cfg: cfg, began: time.Now(), services: services{}, fields: readFieldDocs()}
	a.budget = newBudget(cfg.BudgetBytes, limits.NewRefusals(budgetLimit, cfg.Logger))
	a.keys = newKeys(time.Now)
	a.verifier = newVerifier(&a.cfg.Auth, a.now)
	a.streams, a.close = context.WithCancel(context.Background())
	a.forward = &forwarder{cfg: &a.cfg, closing: a.streams}
	mux := http.NewServeMux()
	a.huma = humago.New(mux, humaConfig(cfg.Version))
	a.brokers()
	a.brokerLists()
	a.whatIfs()
	a.topics()
	a.topicLists()
	a.topicWrites()
	a.configs()
	a.partitions()
	a.partitionLists()
	a.reassignments()
	a.elections()
	a.producers()
	a.quotas()
	a.users()
	a.tokens()
	a.acls()
	a.feeds()
	a.health()
	a.status()
	a.log()
	a.heal()
	a.features()
	a.describeSchemas()
	a.examples()
	a.pages(mux)
	a.handler = a.guard(mux)
	return a
}

// OpenAPI returns the API's description. The caller must not change it.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

func (a *API) now() time.Time {
	if a.cfg.Now != nil {
		return a.cfg.Now()
	}
	return time.Now()
}

// Close ends long polls and streams. Requests that do not wait are still answered. It does not
// wait.
func (a *API) Close() { a.close() }

// Fail makes the API refuse every later request with the reason why this node is about to exit.
// /livez and /readyz fail and state the reason. Long polls and streams end. It does not wait.
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
				Description: "A Kafka controller quorum over HTTP. Every operation acts on the same log " +
					"as the Kafka port. Canonical paths begin with /v1; operations are also served " +
					"without that prefix.",
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Tags: []*huma.Tag{
				{Name: tagBrokers, Description: "Registrations and heartbeats."},
				{Name: tagTopics, Description: "Topics, partitions and replicas."},
				{Name: tagProducers, Description: "Producer ids."},
				{Name: tagIdentities, Description: "Quotas, SCRAM users, delegation tokens, ACLs."},
				{Name: tagFeeds, Description: "Changes since an offset or a time."},
				{Name: tagConfigs, Description: "Configs of topics, brokers, groups; loggers."},
				{Name: tagQuorum, Description: "The controllers, their log and their health."},
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: securitySchemes(),
			},
			Security: []map[string][]string{
				{"basic": {}}, {"bearer": {}}, {"certificate": {}}, {},
			},
		},
		Transformers:  []huma.Transformer{nameRequest},
		Formats:       map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
	}
}

// Tags of operations.
const (
	tagBrokers    = "brokers"
	tagTopics     = "topics"
	tagConfigs    = "configs"
	tagProducers  = "producers"
	tagIdentities = "identities"
	tagFeeds      = "feeds"
	tagQuorum     = "quorum"
)

// httpListener is the listener name of callers over HTTP.
const httpListener = "HTTP"

// clientOf is the IP address of the client whose request a context belongs to; "" if unknown.
func clientOf(ctx context.Context) string {
	addr, _ := ctx.Value(clientAddr{}).(string)
	return addr
}

// clientAddr is the context key of the caller's IP address.
type clientAddr struct{}

// bounded limits a context to the time of one write.
func (a *API) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, a.cfg.OperationTimeout)
}
