package configs

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/protocol"
)

// alterLoggers changes the levels of loggers of this process (RuntimeLoggerManager), all or none.
// It writes no record: the levels end with the process. With validate it only checks.
func alterLoggers(s Settings, name string, ops []Op, validate bool) *protocol.Error {
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return protocol.Errorf(kerr.InvalidRequest,
			"Node id must be an integer, but it is: %s", name)
	case int32(id) != s.NodeID:
		return protocol.Errorf(kerr.InvalidRequest,
			"Unexpected node id. Expected %d, but received %d", s.NodeID, id)
	}
	for _, o := range ops {
		if err := checkLogger(s.Loggers, o); err != nil {
			return err
		}
	}
	if validate {
		return nil
	}
	for _, o := range ops {
		var err error
		if o.Op == kmsg.IncrementalAlterConfigOpDelete {
			err = s.Loggers.Unset(o.Key)
		} else {
			err = s.Loggers.Set(o.Key, *o.Value)
		}
		if err != nil {
			return protocol.Errorf(kerr.InvalidConfig, "%s", err.Error())
		}
	}
	return nil
}

func checkLogger(loggers *loglevel.Loggers, o Op) *protocol.Error {
	switch o.Op {
	case kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete:
	case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
		return protocol.Errorf(kerr.InvalidRequest,
			"%s operation is not allowed for the BROKER_LOGGER resource",
			strings.ToUpper(o.Op.String()))
	default:
		return protocol.Errorf(kerr.InvalidRequest,
			"Unknown operation type %d is not allowed for the BROKER_LOGGER resource", int8(o.Op))
	}
	level := "null"
	if o.Value != nil {
		level = *o.Value
	}
	switch isSet := o.Op == kmsg.IncrementalAlterConfigOpSet; {
	case !loggers.Exists(o.Key):
		return protocol.Errorf(kerr.InvalidConfig, "Logger %s does not exist!", o.Key)
	case isSet && (o.Value == nil || !loglevel.Valid(level)):
		return protocol.Errorf(kerr.InvalidConfig,
			"Cannot set the log level of %s to %s as it is not a supported log level. "+
				"Valid log levels are %s", o.Key, level, strings.Join(loglevel.Names(), ", "))
	case !isSet && o.Key == loglevel.Root:
		return protocol.Errorf(kerr.InvalidRequest,
			"Removing the log level of the %s logger is not allowed", loglevel.Root)
	}
	return nil
}
