package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/yakt/yakt/httpapi"
)

// refusal turns a problem document into what the command says and exits with.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := new(httpapi.Problem)
	if err := json.Unmarshal(body, p); err != nil || p.Code == "" {
		return fmt.Errorf("%s answered %s: is it a YAKt node?", resp.Request.URL.Host, resp.Status)
	}
	if p.Detail = inCommands(p.Detail); len(p.Errors) > 0 {
		p.Detail = inFlags(p.Errors)
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

// commandFor has the commands for the operations that a node's advice names.
var commandFor = map[string]string{
	"add_replica":            "partition add-replica",
	"broker_mgmt":            "feed --broker",
	"client_mgmt":            "feed --client",
	"create_partition":       "partition create",
	"create_topic":           "topic create",
	"get_all_active_brokers": "broker list",
	"get_broker_by_id":       "broker get",
	"get_topic_by_name":      "topic get",
	"register_broker_change": "broker change",
	"register_producer":      "producer register",
	"remove_replica":         "partition remove-replica",
	"unregister_broker":      "broker unregister",
}

// operation is a word that may be the name of an operation; in quotation marks it is a topic's.
var operation = regexp.MustCompile(`(^|[ (])([a-z]+(?:_[a-z]+)+)\b`)

// inCommands says with commands what a node says with operations of its HTTP API.
func inCommands(detail string) string {
	return operation.ReplaceAllStringFunc(detail, func(match string) string {
		part := operation.FindStringSubmatch(match)
		if command, ok := commandFor[part[2]]; ok {
			return part[1] + "`yakt " + command + "`"
		}
		return match
	})
}

// flagFor has the flags and arguments that fields of requests are made from.
var flagFor = map[string]string{
	"assignments":       "--assignment",
	"brokerEpoch":       "--epoch",
	"brokerHost":        "--host",
	"brokerId":          "the broker's id",
	"brokerPort":        "--port",
	"brokerStatus":      "--status",
	"configs":           "--config",
	"epoch":             "--epoch",
	"from":              "--from",
	"internalUUID":      "--incarnation",
	"logDirs":           "--log-dir",
	"name":              "the topic's name",
	"numPartitions":     "--partitions",
	"offset":            "--offset",
	"partitionId":       "the partition's id",
	"rackId":            "--rack",
	"replicas":          "--replicas",
	"replicationFactor": "--replication-factor",
	"securityProtocol":  "--security-protocol",
}

// inFlags says with flags which fields of a request cannot be used.
func inFlags(problems []httpapi.FieldProblem) string {
	var parts []string
	for _, f := range problems {
		_, field, _ := strings.Cut(f.Location, ".")
		end := strings.IndexAny(field+"[", ".[")
		what, ok := flagFor[field[:end]]
		if !ok {
			what = f.Location
		}
		parts = append(parts, what+": "+f.Message)
	}
	return "Correct the command line: " + strings.Join(parts, "; ") + "."
}
