package controller

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
)

// betterThanKafkas are the requests of the script whose answers differ on purpose.
var betterThanKafkas = map[string]string{
	// A message instead of none.
	"> describe topic nope": `< 2 "nope": 3 "The topic 'nope' does not exist."`,
	// Kafka fails the whole request.
	"> describe any x":  `< 1 "x": 42 "Unsupported resource type: 1"`,
	"> describe user x": `< 64 "x": 42 "Unsupported resource type: 64"`,
	// Kafka answers UNKNOWN_SERVER_ERROR.
	"> alter logger 3000 set:root": `< 8 "3000": 40 "Cannot set the log level of root to null ` +
		`as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, ` +
		`TRACE, WARN"`,
	// A resource is answered once.
	"> describe topic foo retention.ms & topic foo segment.ms": "< 2 \"foo\": 0 \"\"\n" +
		`<   retention.ms="5" source=1 type=5`,
}

// TestConfigsAsKafka4_4 compares our answers with those of a controller of Kafka 4.4.0.
func TestConfigsAsKafka4_4(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("testdata/configs-4.4.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	d := newTestDriver(t, func(c *Config) {
		c.Static = controllertest.ConfigScriptStatic()
		maps.Copy(c.Static, map[string]string{
			"process.roles": "controller", "node.id": "3000", "log.dirs": "/d",
			"listeners":                      "CONTROLLER://127.0.0.1:9093",
			"advertised.listeners":           "CONTROLLER://127.0.0.1:9093",
			"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
			"controller.listener.names":      "CONTROLLER",
			"controller.quorum.voters":       "3000@127.0.0.1:9093",
		})
	})
	d.addBroker(1)
	got, err := controllertest.ConfigScript(string(script),
		func(req kmsg.Request) (kmsg.Response, error) {
			return overWire(t, d.answer(req)), nil
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, ours := scriptAnswers(string(script)), scriptAnswers(got)
	for i, w := range want {
		if better, ok := betterThanKafkas[w.request]; ok {
			w.answer = better + "\n"
		}
		if ours[i].answer != w.answer {
			t.Errorf("%s\n%s", w.request, controllertest.FirstDifference(w.answer, ours[i].answer))
		}
	}
}

type scriptStep struct{ request, answer string }

func scriptAnswers(script string) []scriptStep {
	var steps []scriptStep
	for line := range strings.Lines(script) {
		switch {
		case strings.HasPrefix(line, "> "):
			steps = append(steps, scriptStep{request: strings.TrimSpace(line)})
		case strings.HasPrefix(line, "<"):
			steps[len(steps)-1].answer += line
		}
	}
	return steps
}
