package controllertest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigScript runs requests about configs, one a line, and returns the script with the answer
// below each request. Run on a controller of Apache's it makes a golden file; run on ours it shows
// the differences. Answers that a script already holds (lines that begin with "<") are dropped.
//
//	> describe topic foo [keys...] [+synonyms] [+empty]
//	> alter topic foo set:retention.ms=5 delete:segment.ms append:cleanup.policy=x [+validate]
//	> replace topic foo retention.ms=5 [+validate]
//	> create foo retention.ms=5
//
// Several resources of one request are separated by a word "&". Words are URL-escaped ("%20"); the
// word %22%22 of two quotation marks is the empty string.
//
// Apache's controllers apply a change to their own configuration a moment after they have answered
// it, so a description that differs from the script's is asked for again by retry. It gets a check
// that asks and fails if the answer differs; nil asks once.
func ConfigScript(
	script string, ask func(kmsg.Request) (kmsg.Response, error), retry func(check func() error),
) (string, error) {
	var b strings.Builder
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "<") {
			continue
		}
		fmt.Fprintln(&b, line)
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		req, err := scriptRequest(command)
		if err != nil {
			return "", fmt.Errorf("%s: %w", line, err)
		}
		var answer string
		check := func() error {
			resp, err := ask(req)
			if err != nil {
				return err
			}
			answer = answered(scriptAnswer(resp))
			if answer != answerIn(lines[i+1:]) {
				return errOtherAnswer
			}
			return nil
		}
		_, describes := req.(*kmsg.DescribeConfigsRequest)
		err = check()
		if describes && retry != nil && errors.Is(err, errOtherAnswer) {
			retry(func() error {
				err = check()
				return err
			})
		}
		if err != nil && !errors.Is(err, errOtherAnswer) {
			return "", fmt.Errorf("%s: %w", line, err)
		}
		b.WriteString(answer)
	}
	return b.String(), nil
}

var errOtherAnswer = errors.New("another answer than in the script")

// answered marks lines as an answer.
func answered(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&b, strings.TrimRight("< "+line, " "))
	}
	return b.String()
}

// answerIn returns the answer with which the rest of a script begins.
func answerIn(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		if !strings.HasPrefix(line, "<") {
			break
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}

// resourceKinds are the numbers of the kinds of resources that scripts name.
var resourceKinds = map[string]int8{
	"unknown": 0, "any": 1, "topic": 2, "broker": 4, "logger": 8, "metrics": 16, "group": 32,
	"user": 64,
}

// scriptResource is one resource of a request, with the words that follow its name.
type scriptResource struct {
	kind  int8
	name  string
	words []string
}

func scriptRequest(command string) (kmsg.Request, error) {
	verb, rest, _ := strings.Cut(command, " ")
	words := strings.Fields(rest)
	flag := func(name string) bool {
		had := slices.Contains(words, name)
		words = slices.DeleteFunc(words, func(w string) bool { return w == name })
		return had
	}
	synonyms, validate, empty := flag("+synonyms"), flag("+validate"), flag("+empty")
	if verb == "create" {
		return createRequest(words, validate)
	}
	resources, err := scriptResources(words)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "describe":
		return describeRequest(resources, synonyms, empty), nil
	case "alter":
		return alterRequest(resources, validate)
	case "replace":
		return replaceRequest(resources, validate), nil
	}
	return nil, fmt.Errorf("no request %q", verb)
}

func scriptResources(words []string) ([]scriptResource, error) {
	var all []scriptResource
	for len(words) > 0 {
		one, rest := words, []string(nil)
		if end := slices.Index(words, "&"); end >= 0 {
			one, rest = words[:end], words[end+1:]
		}
		words = rest
		kind, ok := resourceKinds[one[0]]
		if !ok || len(one) < 2 {
			return nil, fmt.Errorf("no resource %q", one)
		}
		r := scriptResource{kind: kind, name: unescaped(one[1])}
		for _, w := range one[2:] {
			r.words = append(r.words, unescaped(w))
		}
		all = append(all, r)
	}
	return all, nil
}

func unescaped(word string) string {
	if text, err := url.PathUnescape(word); err == nil {
		word = text
	}
	if word == `""` {
		return ""
	}
	return word
}

// assignment splits key=value; without "=" there is no value.
func assignment(word string) (key string, value *string) {
	key, text, ok := strings.Cut(word, "=")
	if ok {
		value = &text
	}
	return key, value
}

func createRequest(words []string, validate bool) (kmsg.Request, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("create without a name")
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.ValidateOnly, req.TimeoutMillis = validate, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = words[0], 1, 1
	for _, w := range words[1:] {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = assignment(unescaped(w))
		topic.Configs = append(topic.Configs, config)
	}
	req.Topics = append(req.Topics, topic)
	return req, nil
}

func describeRequest(resources []scriptResource, synonyms, empty bool) kmsg.Request {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.SetVersion(4)
	req.IncludeSynonyms, req.IncludeDocumentation = synonyms, true
	for _, r := range resources {
		one := kmsg.NewDescribeConfigsRequestResource()
		one.ResourceType, one.ResourceName = kmsg.ConfigResourceType(r.kind), r.name
		one.ConfigNames = r.words
		if empty {
			one.ConfigNames = []string{}
		}
		req.Resources = append(req.Resources, one)
	}
	return req
}

var scriptOps = map[string]int8{"set": 0, "delete": 1, "append": 2, "subtract": 3, "other": 9}

func alterRequest(resources []scriptResource, validate bool) (kmsg.Request, error) {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	req.ValidateOnly = validate
	for _, r := range resources {
		one := kmsg.NewIncrementalAlterConfigsRequestResource()
		one.ResourceType, one.ResourceName = kmsg.ConfigResourceType(r.kind), r.name
		for _, w := range r.words {
			op, change, ok := strings.Cut(w, ":")
			number, known := scriptOps[op]
			if !ok || !known {
				return nil, fmt.Errorf("no change %q", w)
			}
			config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			config.Op = kmsg.IncrementalAlterConfigOp(number)
			config.Name, config.Value = assignment(change)
			one.Configs = append(one.Configs, config)
		}
		req.Resources = append(req.Resources, one)
	}
	return req, nil
}

func replaceRequest(resources []scriptResource, validate bool) kmsg.Request {
	req := kmsg.NewPtrAlterConfigsRequest()
	req.SetVersion(2)
	req.ValidateOnly = validate
	for _, r := range resources {
		one := kmsg.NewAlterConfigsRequestResource()
		one.ResourceType, one.ResourceName = kmsg.ConfigResourceType(r.kind), r.name
		for _, w := range r.words {
			config := kmsg.NewAlterConfigsRequestResourceConfig()
			config.Name, config.Value = assignment(w)
			one.Configs = append(one.Configs, config)
		}
		req.Resources = append(req.Resources, one)
	}
	return req
}

// scriptAnswer are the lines of an answer, in an order that does not depend on the server's maps.
func scriptAnswer(resp kmsg.Response) []string {
	var lines []string
	switch resp := resp.(type) {
	case *kmsg.DescribeConfigsResponse:
		for _, r := range resp.Resources {
			lines = append(lines, answerLine(int8(r.ResourceType), r.ResourceName, r.ErrorCode,
				r.ErrorMessage))
			lines = append(lines, configLines(r.Configs)...)
		}
		return lines
	case *kmsg.IncrementalAlterConfigsResponse:
		for _, r := range resp.Resources {
			lines = append(lines, answerLine(int8(r.ResourceType), r.ResourceName, r.ErrorCode,
				r.ErrorMessage))
		}
	case *kmsg.AlterConfigsResponse:
		for _, r := range resp.Resources {
			lines = append(lines, answerLine(int8(r.ResourceType), r.ResourceName, r.ErrorCode,
				r.ErrorMessage))
		}
	case *kmsg.CreateTopicsResponse:
		for _, r := range resp.Topics {
			lines = append(lines, answerLine(2, r.Topic, r.ErrorCode, r.ErrorMessage))
			var configs []string
			for _, c := range r.Configs {
				configs = append(configs, fmt.Sprintf("  %s=%s source=%d%s", c.Name,
					text(c.Value), c.Source, marks(c.ReadOnly, c.IsSensitive)))
			}
			lines = append(lines, configs...)
		}
		return lines
	}
	slices.Sort(lines)
	return lines
}

func answerLine(kind int8, name string, code int16, message *string) string {
	return fmt.Sprintf("%d %q: %d %s", kind, name, code, text(message))
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

// ofTheNode are configs whose values differ from node to node.
var ofTheNode = []string{
	"advertised.listeners", "controller.quorum.bootstrap.servers", "controller.quorum.voters",
	"listeners", "log.dir", "log.dirs", "metadata.log.dir",
}

func configLines(configs []kmsg.DescribeConfigsResponseResourceConfig) []string {
	var lines []string
	for _, c := range configs {
		line := fmt.Sprintf("  %s=%s source=%d type=%d%s", c.Name, valueOf(c.Name, c.Value),
			c.Source, c.ConfigType, marks(c.ReadOnly, c.IsSensitive))
		for _, s := range c.ConfigSynonyms {
			line += fmt.Sprintf(" %s=%s@%d", s.Name, valueOf(s.Name, s.Value), s.Source)
		}
		if c.Documentation == nil {
			line += " undocumented"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func valueOf(name string, value *string) string {
	if value != nil && *value != "" && slices.Contains(ofTheNode, name) {
		return "(node)"
	}
	return text(value)
}

func marks(readOnly, sensitive bool) string {
	var b strings.Builder
	if readOnly {
		b.WriteString(" fixed")
	}
	if sensitive {
		b.WriteString(" secret")
	}
	return b.String()
}

// ConfigScriptStatic is the configuration file, besides the node's own addresses and directories,
// of the controller on which a config script runs.
func ConfigScriptStatic() map[string]string {
	return map[string]string{
		"broker.session.timeout.ms": "3600000", "log.retention.hours": "100",
		"log.flush.scheduler.interval.ms": "5000", "min.insync.replicas": "1",
		"group.consumer.session.timeout.ms": "50000 ", "message.max.bytes": "2000000",
		"my.plugin.key": "hush", "ssl.key.password": "hush", "num.partitions": "2",
		"remote.log.storage.system.enable": "true", "log.roll.jitter.hours": "1",
		"remote.log.storage.manager.class.name": "org.example.None", "log.cleanup.policy": "delete",
	}
}

// FirstDifference returns the lines around the first difference of two texts.
func FirstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d: got\n%s\nwant\n%s", i+1,
				strings.Join(g[min(i, len(g)):min(i+4, len(g))], "\n"),
				strings.Join(w[min(i, len(w)):min(i+4, len(w))], "\n"))
		}
	}
	return ""
}
