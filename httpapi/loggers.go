package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/loglevel"
)

// LoggerLevel is a logger of a node and its level.
type LoggerLevel struct {
	// Name of the logger, as in the attribute logger of its lines.
	Name string `json:"logger" example:"raft"`
	// Lowest level that is logged.
	Level string `json:"level" enum:"TRACE,DEBUG,INFO,WARN,ERROR,FATAL" example:"INFO"`
	// Whether the level is the logger's own and not that of root.
	Own bool `json:"own" example:"false"`
	// What the logger logs.
	About string `json:"about" example:"the HTTP API"`
}

// LoggerList is the loggers of a node.
type LoggerList struct {
	// Id of the node.
	NodeID int32 `json:"nodeId" example:"1"`
	// The loggers, by name.
	Loggers []LoggerLevel `json:"loggers"`
}

// LevelParams are the parameters of set_log_level.
type LevelParams struct {
	// Answer as if the level were changed, with the same errors, and change nothing.
	DryRun bool `query:"dryRun" example:"false"`
}

// setLevelArgs is the body of set_log_level.
type setLevelArgs struct {
	// Name of the logger; root is all without a level of their own.
	Logger string `json:"logger" minLength:"1" maxLength:"100" example:"raft"`
	// The new level. Without it the logger gets that of root again, and root that of the
	// configuration.
	Level string `json:"level,omitempty" enum:"TRACE,DEBUG,INFO,WARN,ERROR,FATAL" example:"DEBUG"`
}

type loggersOutput struct{ Body LoggerList }

func (a *API) loggers() {
	handle(a, operation{
		kind: localKind, name: "loggers", tag: tagConfigs,
		needs:   onCluster(acls.DescribeConfigs),
		summary: "Show the loggers of this node", text: "The loggers of this node and their levels.",
	}, func(context.Context, *struct{}) (*loggersOutput, error) {
		return &loggersOutput{a.loggerList(a.cfg.Loggers)}, nil
	})
	handle(a, operation{
		kind: localKind, method: http.MethodPost, name: "set_log_level", tag: tagConfigs,
		needs:   onCluster(acls.ClusterAction),
		summary: "Change the level of a logger of this node",
		text: "Changes what this node logs, at once and until it stops. Other nodes keep their " +
			"levels. It has no If-Match, because levels are not part of the cluster's state, and no " +
			"Idempotency-Key, because a repetition sets the same level again.",
		statuses: []int{http.StatusNotFound, http.StatusUnprocessableEntity},
	}, a.setLogLevel)
}

func (a *API) loggerList(loggers *loglevel.Loggers) LoggerList {
	list := LoggerList{NodeID: a.cfg.NodeID, Loggers: []LoggerLevel{}}
	for _, l := range loggers.All() {
		list.Loggers = append(list.Loggers, LoggerLevel(l))
	}
	return list
}

func (a *API) setLogLevel(ctx context.Context, in *struct {
	LevelParams
	Body setLevelArgs
}) (*loggersOutput, error) {
	loggers := a.cfg.Loggers
	if in.DryRun {
		loggers = loggers.Copy()
	}
	if err := setLevel(loggers, in.Body); err != nil {
		return nil, err
	}
	if !in.DryRun {
		level, _ := loggers.Get(in.Body.Logger)
		from := caller(ctx)
		loggers.Logger("audit").Info("changed", "by", from.Principal, "from", from.ClientAddr,
			"listener", from.Listener, "api", "set_log_level", "what", level.Name+"="+level.Level,
			"result", "ok")
	}
	return &loggersOutput{a.loggerList(loggers)}, nil
}

func setLevel(loggers *loglevel.Loggers, args setLevelArgs) error {
	if !loggers.Exists(args.Logger) {
		names := make([]string, 0, 8)
		for _, l := range loggers.All() {
			names = append(names, l.Name)
		}
		return newProblem(http.StatusNotFound, kerr.InvalidConfig,
			"There is no logger %q. The loggers are %s.", args.Logger, strings.Join(names, ", "))
	}
	var err error
	if args.Level == "" {
		err = loggers.Unset(args.Logger)
	} else {
		err = loggers.Set(args.Logger, args.Level)
	}
	if err != nil {
		return newProblem(http.StatusUnprocessableEntity, kerr.InvalidConfig, "%v", err)
	}
	return nil
}
