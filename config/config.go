package config

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config holds all settings of a controller, each with the meaning of its key (see Reference).
// Where 0 has a meaning of its own, the key's description gives it. Nobody changes a Config after
// Load has returned it, so goroutines may share it.
type Config struct {
	Path string // the file it came from; "" without one
	// Embedded is the built-in configuration of one node, whose directory is formatted at its first
	// start: there is no file, and neither the environment nor an override sets a node id, voters,
	// bootstrap servers or a directory.
	Embedded bool

	NodeID int32
	Roles  []string // always {"controller"}
	Quorum Quorum

	// Listeners are the controller listeners, in the order of the file.
	Listeners []Listener
	// AdvertisedListeners has one for each of ControllerListenerNames, in that order, and each has a
	// host. Its port is 0 where the listener's is: the port that was bound takes its place.
	AdvertisedListeners     []Listener
	ControllerListenerNames []string                    // upper case; brokers use the first
	SecurityProtocols       map[string]SecurityProtocol // by listener name, in upper case
	Secure                  map[string]ListenerSecurity // the same; none for PLAINTEXT
	Peer                    PeerSecurity
	Clients                 Clients

	Storage        Storage
	Controller     Controller
	Security       Security
	HTTP           HTTP
	DebugListeners []HostPort // none: no profiles; loopback only
	Log            Log

	// Static holds every key that was set, known or not, as text with references to config providers
	// resolved. Topics and groups take their defaults from it. It holds passwords: never log it.
	// Describe hides them.
	Static map[string]string `json:"-"`

	settings  []Setting         // what Describe returns
	overrides map[string]string // as given to Load, for a message that repeats the command line
}

// Quorum holds the voters and how they find each other and wait for each other.
type Quorum struct {
	// Voters is the static set, this node included. It is empty when the set is in the log (a
	// dynamic quorum); BootstrapServers is not empty then. Port 0 stands only in the built-in
	// configuration, for a listener on any free port.
	Voters                []Voter
	BootstrapServers      []HostPort         // where voters of a dynamic quorum may be found
	PeerAddresses         map[int32]HostPort // by voter; overrides all other sources of addresses
	AutoJoin              bool
	ElectionTimeout       time.Duration // without a leader, until an election begins
	FetchTimeout          time.Duration // zero: not set
	RequestTimeout        time.Duration
	RetryBackoff          time.Duration // before a peer is dialled again
	FetchMaxBytes         int32         // entries in one message to a peer
	FetchSnapshotMaxBytes int32         // snapshot bytes in one message to a peer
}

// Clients bounds the resources that all clients of the controller listeners may use together.
type Clients struct {
	MaxRequestBytes              int32 // see Config.LongestRequest
	MaxQueuedBytes               int64 // see Config.RequestMemory
	Limits                       RequestLimits
	MaxParked                    int32         // requests that wait for a change, at once
	MaxParkedPerIP               int32         // the same, from one address
	MaxWait                      time.Duration // longest wait of a request
	MaxConnections               int32
	MaxConnectionsPerIP          int32
	MaxConnectionsPerIPOverrides map[string]int32 // by host name or address
	MaxIdle                      time.Duration    // idle time of a connection; negative: no limit
}

// Storage says where the log and its snapshots are, and how much of them is kept.
type Storage struct {
	LogDirs          []string
	MetadataLogDir   string        // holds the log; the first of LogDirs by default
	SnapshotBytes    int64         // new batches until a snapshot is due
	SnapshotInterval time.Duration // until a snapshot is due, if there is any new batch
	SnapshotsKept    int32         // the newest ones; older ones are deleted
	WALSegmentBytes  int64
}

// Controller holds the settings by which the active controller manages brokers and topics.
type Controller struct {
	BrokerSessionTimeout         time.Duration // without a heartbeat, until a broker is fenced
	BrokerHeartbeatInterval      time.Duration
	MaxIdleInterval              time.Duration // without a record, until a NoOp is appended
	AutoLeaderRebalance          bool
	LeaderImbalanceCheckInterval time.Duration
	UncleanElectionInterval      time.Duration
	NumPartitions                int32
	DefaultReplicationFactor     int16
	DeleteTopicEnable            bool
	UnstableFeatureVersions      bool
	QuotaWindows                 int32         // number of windows that a rate is averaged over
	QuotaWindow                  time.Duration // length of one
	SlowEvent                    time.Duration // an event that takes longer is logged
}

// Security holds the authorization settings.
type Security struct {
	Authorizer           bool // authorizer.class.name is StandardAuthorizer
	SuperUsers           []string
	AllowEveryoneIfNoACL bool
	DelegationToken      DelegationToken
}

// DelegationToken configures delegation tokens; they are off without a SecretKey.
type DelegationToken struct {
	SecretKey     string `json:"-"` // never logged; "" without delegation tokens
	MaxLifetime   time.Duration
	ExpiryTime    time.Duration
	CheckInterval time.Duration // delegation.token.expiry.check.interval.ms
}

// HTTP says where the HTTP API is served and how much it may use.
type HTTP struct {
	Listeners      []HostPort // none: no HTTP
	Default        bool       // Listeners are the default: yakt.http.listeners is not set
	Protocol       SecurityProtocol
	Insecure       bool     // Listeners may be reached by other machines without credentials
	Hosts          []string // further names that requests may have in Host; "*": any
	MaxConnections int32    // at once
	MaxQueuedBytes int64    // memory for large requests and their answers, all together
}

// Log configures the program's own log.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// String names the node, and no secrets: a Config may be printed.
func (c *Config) String() string {
	return fmt.Sprintf("configuration of node %d from %s", c.NodeID, c.name())
}

// LogValue keeps secrets out of the log, whatever the slog handler.
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c *Config) name() string {
	switch {
	case c.Path != "":
		return c.Path
	case c.Embedded:
		return "the built-in defaults"
	}
	return "the environment and --override"
}

// Load reads the file at path, the environment and the overrides. Files that end in .yaml, .yml or
// .json have that format, all others are .properties. If path is "" and neither environment nor
// overrides set a node id, voters, bootstrap servers or directories, the built-in configuration of
// one node is the lowest layer (see Config.Embedded).
//
// Notices are returned with an error, too. The error is an *Error unless the file cannot be read.
func Load(path string, overrides map[string]string) (*Config, []Notice, error) {
	return load(path, overrides, true)
}

// Default returns the configuration of `yakt start` without a file, environment or overrides: one
// node with the directory ./yakt-data, the controller listener on 127.0.0.1:9093 and HTTP on
// 127.0.0.1:8093.
func Default() *Config {
	c, _, err := load("", nil, false)
	if err != nil {
		panic("config: the built-in configuration is invalid: " + err.Error())
	}
	return c
}

func load(path string, overrides map[string]string, environ bool) (*Config, []Notice, error) {
	l, err := newLayers(path, overrides, environ)
	if err != nil {
		return nil, nil, err
	}
	r := newReader(l)
	r.classify()
	r.readKeys()
	r.checkRoles()
	r.checkNode()
	r.checkDirectories()
	r.checkListeners()
	r.checkQuorum()
	r.checkAuthorizer()
	r.config.Static = r.static()
	r.checkSecurity()
	r.checkLimits()
	if len(r.problems) > 0 {
		return nil, l.notices, &Error{Name: l.errorName(), Problems: r.problems}
	}
	r.config.settings = r.describe()
	return r.config, l.notices, nil
}

// errorName names the configuration in the list of its problems.
func (l *layers) errorName() string {
	switch {
	case l.path != "":
		return filepath.Base(l.path)
	case l.embedded:
		return "configuration"
	}
	key := l.foundingKey()
	return fmt.Sprintf("configuration without a file (%s sets %s, so that the built-in one-node "+
		"configuration does not apply)", l.source(key), key.Name)
}

// reader turns layers into a Config and collects problems on the way.
type reader struct {
	*layers
	table     map[string]*Key
	providers providers
	config    *Config
	problems  []Problem
	bad       map[string]bool // keys with a problem; later checks skip them
}

func newReader(l *layers) *reader {
	r := &reader{layers: l, table: keyTable(), bad: map[string]bool{},
		config: &Config{Path: l.path, Embedded: l.embedded, overrides: l.overrides}}
	r.providers = r.newProviders()
	r.addListenerKeys()
	r.voidUnusedSecurity()
	return r
}

// refuse reports a problem with the present value of a key.
func (r *reader) refuse(name, wrong, fix string) {
	r.bad[name] = true
	p := Problem{Key: name, Wrong: wrong, Fix: fix}
	if key := r.table[name]; key != nil {
		if text, source, ok := r.get(key); ok {
			p.Value, p.Source = shown(name, text), source
			r.hint(&p, key, text)
		}
		if r.path == "" && !r.embedded && (p.Value == "" || p.Source == fromDefault) {
			p.Fix += "; the environment variable is " + key.Env()
		}
	} else if r.isExplicit(name) {
		p.Source = r.sourceOf(name)
	}
	r.problems = append(r.problems, p)
}

// text returns a key's value with references resolved, or "" if it has none.
func (r *reader) text(name string) string {
	text, _, ok := r.get(r.table[name])
	if !ok {
		return ""
	}
	resolved, err := r.providers.resolve(text)
	if err != nil {
		if !r.bad[name] {
			r.refuse(name, "refers to a value that cannot be read", err.Error())
		}
		return ""
	}
	return resolved
}

// raw returns the text that was set for a name, which need not be a known key.
func (r *reader) raw(name string) string {
	if key := r.table[name]; key != nil {
		text, _, _ := r.get(key)
		return text
	}
	if text, ok := r.overrides[name]; ok {
		return text
	}
	return r.file[name].Value
}

// set reports whether a key was set, and not to the empty string.
func (r *reader) set(name string) bool {
	text, source, ok := r.get(r.table[name])
	return ok && source != fromDefault && text != ""
}

// readKeys parses and binds every key that is not ignored.
func (r *reader) readKeys() {
	for _, name := range slices.Sorted(maps.Keys(r.table)) {
		key := r.table[name]
		if key.Class == Ignored {
			continue
		}
		text := r.text(name)
		if r.bad[name] {
			continue
		}
		if text == "" && key.Type != "list" && (!key.HasDefault || key.Default == "") {
			continue // not set, and without a default
		}
		v, wrong := key.parse(text)
		if wrong != "" {
			r.refuse(name, wrong, "give "+key.wanted())
			continue
		}
		if key.bind != nil {
			key.bind(r.config, v)
		}
	}
}

// classify divides the names that were set into used, ignored and unknown ones.
func (r *reader) classify() {
	var ignored []string
	for _, name := range r.explicit() {
		key := r.table[name]
		_, overridden := r.overrides[name]
		switch {
		case key != nil && key.Class != Ignored && key.Void == "",
			strings.HasPrefix(name, "config.providers."):
		case key != nil || prefixFamily(name):
			ignored = append(ignored, name)
		case overridden:
			r.refuseOverride(name)
		default:
			r.notices = append(r.notices, unknownNotice(name, r.at(r.file[name].Line), r.table))
		}
	}
	if len(ignored) > 0 {
		r.notices = append(r.notices, ignoredNotice(ignored, r.table))
	}
	if r.environ {
		environ := os.Environ()
		r.notices = append(r.notices, strayVariables(environ, r.table)...)
		if n, found := kafkaVariables(environ, r.table); found {
			r.notices = append(r.notices, n)
		}
	}
}

// refuseOverride refuses an unknown key on the command line. In a file it is a notice only: files
// may be shared with other programs, but this key was just typed.
func (r *reader) refuseOverride(name string) {
	fix := "name a key that is in the configuration reference"
	if near := nearest(name, r.table); near != "" {
		fix = "did you mean " + near + "?"
	}
	r.problems = append(r.problems, Problem{
		Key: quoteOdd(name), Source: "override", Wrong: "is not a key of Kafka 4.4 or YAKt", Fix: fix,
	})
}

// static collects all settings. A reference that cannot be resolved stays as it is.
func (r *reader) static() map[string]string {
	static := map[string]string{}
	for _, name := range r.explicit() {
		text := r.raw(name)
		if resolved, err := r.providers.resolve(text); err == nil {
			text = resolved
		}
		static[name] = text
	}
	return static
}
