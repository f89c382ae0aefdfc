package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/yakt/yakt/httpapi"
)

// refusal converts a problem document into the error and the exit code of a command.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := new(httpapi.Problem)
	if err := json.Unmarshal(body, p); err != nil || p.Code == "" {
		if strings.Contains(string(body), "use https://") {
			return &exitError{exitUnavailable, fmt.Errorf("%s serves HTTPS there: use https://",
				resp.Request.URL.Host)}
		}
		return fmt.Errorf("%s answered %s: is it a YAKt node?", resp.Request.URL.Host, resp.Status)
	}
	if p.Detail = inCommands(p.Detail); len(p.Errors) > 0 {
		p.Detail = inFlags(p.Errors)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		p.Detail += " Say who you are by --user (with YAKT_PASSWORD, --password-file or at a " +
			"terminal), --token-file or --tls-cert, or save that by `yakt context set`."
	}
	code := exitFailed
	switch write := resp.Request.Method != http.MethodGet; {
	case resp.StatusCode == http.StatusServiceUnavailable:
		code = exitUnavailable
	case resp.StatusCode == http.StatusGatewayTimeout && write:
		code = exitUnknown
	case resp.StatusCode == http.StatusGatewayTimeout:
		code = exitUnavailable
	}
	return &exitError{code, fmt.Errorf("%s: %w", p.Code, p)}
}

// commandFor maps the HTTP operations that a node's advice may name to commands.
var commandFor = map[string]string{
	"add_acl":                "acl add",
	"add_replica":            "partition add-replica",
	"alter_configs":          "configs alter",
	"alter_quota":            "quota set",
	"broker_mgmt":            "feed --broker",
	"cancel_reassignments":   "partition cancel",
	"client_mgmt":            "feed --client",
	"create_partition":       "partition create",
	"create_token":           "token create",
	"create_topic":           "topic create",
	"delete_user_credential": "user delete-scram",
	"describe_configs":       "configs describe",
	"expire_token":           "token expire",
	"list_acls":              "acl list",
	"list_quotas":            "quota list",
	"list_tokens":            "token list",
	"list_users":             "user list",
	"delete_topic":           "topic delete",
	"elect_leaders":          "partition elect",
	"get_all_active_brokers": "broker list",
	"get_broker_by_id":       "broker get",
	"get_topic_by_id":        "topic get --id",
	"get_topic_by_name":      "topic get",
	"reassign_partitions":    "partition reassign",
	"register_broker_change": "broker change",
	"register_producer":      "producer register",
	"remove_acl":             "acl remove",
	"remove_replica":         "partition remove-replica",
	"renew_token":            "token renew",
	"set_log_level":          "loggers set",
	"set_user_credential":    "user set-scram",
	"unregister_broker":      "broker unregister",
	"what_if":                "what-if",
	"update_features":        "feature upgrade",
}

// operation matches words that may name an operation. It leaves out words in quotation marks, which
// are names of topics.
var operation = regexp.MustCompile(`(^|[ (])([a-z]+(?:_[a-z]+)+)\b`)

// inCommands replaces the HTTP operations in a node's advice by commands.
func inCommands(detail string) string {
	return operation.ReplaceAllStringFunc(detail, func(match string) string {
		part := operation.FindStringSubmatch(match)
		if command, ok := commandFor[part[2]]; ok {
			return part[1] + "`yakt " + command + "`"
		}
		return match
	})
}

// flagFor maps fields of requests to the flags and arguments that set them.
var flagFor = map[string]string{
	"assignments":       "--assignment",
	"brokerEpoch":       "--epoch",
	"brokerHost":        "--host",
	"brokerId":          "the broker's id",
	"brokerPort":        "--port",
	"brokerStatus":      "--status",
	"configs":           "--config",
	"epoch":             "--epoch",
	"election":          "--unclean",
	"features":          "--feature",
	"from":              "--from",
	"glob":              "--glob",
	"internal":          "--internal",
	"internalUUID":      "--incarnation",
	"kill":              "--kill",
	"logDirs":           "--log-dir",
	"name":              "the topic's name",
	"numPartitions":     "--partitions",
	"offset":            "--offset",
	"partitionId":       "the partition's id",
	"partitions":        "the partitions",
	"prefix":            "--prefix",
	"rackId":            "--rack",
	"releaseVersion":    "--release-version",
	"replicas":          "--replicas",
	"replicationFactor": "--replication-factor",
	"securityProtocol":  "--security-protocol",
	"show":              "--show",
	"status":            "--status",

	"throttleBytesPerSec": "--throttle",

	"with": "--with",
}

// camelCase matches words that may name a field.
var camelCase = regexp.MustCompile(`\b[a-z]+(?:[A-Z][A-Za-z]*)+\b`)

// inFlags describes the invalid fields of a request by the flags that set them.
func inFlags(problems []httpapi.FieldProblem) string {
	var parts []string
	for _, f := range problems {
		message := camelCase.ReplaceAllStringFunc(f.Message, flagOr)
		if f.Location != "body" { // "body" is the request as a whole
			_, field, _ := strings.Cut(f.Location, ".")
			end := strings.IndexAny(field+"[", ".[")
			message = cmp.Or(flagFor[field[:end]], f.Location) + ": " + message
		}
		parts = append(parts, message)
	}
	return "Correct the command line: " + strings.Join(parts, "; ") + "."
}

// flagOr returns the flag that sets a field, or the field's own name.
func flagOr(field string) string { return cmp.Or(flagFor[field], field) }
