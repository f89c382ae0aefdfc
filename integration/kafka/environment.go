package kafka

import (
	"os"
	"strings"
	"testing"
)

// UseEnvironment makes a YAKt node format and start from environment variables alone, without its
// file: one for each of the keys, or for all of its properties if there are no keys.
func (q *Controllers) UseEnvironment(t testing.TB, id int32, keys ...string) {
	t.Helper()
	c := q.nodes[id]
	env := os.Environ()
	if len(keys) == 0 {
		for key := range c.properties {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		value, ok := c.properties[key]
		if !ok {
			t.Fatalf("node %d has no property %s", id, key)
		}
		name := strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(key, "yakt."), ".", "_"))
		env = append(env, "YAKT_"+name+"="+value)
	}
	c.formatting = command{withoutConfig(c.formatting.argv), env}
	c.setCommand(command{withoutConfig(c.command.argv), env})
}

// withoutConfig returns a command line without "--config FILE".
func withoutConfig(argv []string) (rest []string) {
	for i := 0; i < len(argv); i++ {
		if argv[i] == "--config" {
			i++
			continue
		}
		rest = append(rest, argv[i])
	}
	return rest
}
