package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/viper"
)

// keyDelimiter occurs in no key, so that viper does not split Kafka's dotted names.
const keyDelimiter = "\x1f"

// embeddedDefaults are the lowest layer of the built-in configuration: one node, on loopback, in
// ./yakt-data.
var embeddedDefaults = map[string]string{
	"node.id":                   "1",
	"listeners":                 "CONTROLLER://127.0.0.1:9093",
	"controller.listener.names": "CONTROLLER",
	"log.dirs":                  "./yakt-data",
}

// founding lists the keys that identify the node, its quorum or its directory. The built-in
// configuration formats its directory and founds a quorum of one without being asked, so it applies
// only if none of them is set: several nodes configured by environment must not become several
// quorums of one.
var founding = []string{
	"node.id", "broker.id", "controller.quorum.voters", "controller.quorum.bootstrap.servers",
	"log.dir", "log.dirs", "metadata.log.dir",
}

// layers holds every setting with its source. Each layer overrides the one before: defaults, file,
// environment, overrides. viper applies that order.
type layers struct {
	viper     *viper.Viper
	table     map[string]*Key     // the known keys
	path      string              // "" without a file
	embedded  bool                // the built-in configuration applies
	file      map[string]Property // the last entry of each name, known or not
	overrides map[string]string   // from the command line
	environ   bool                // whether the environment counts
	notices   []Notice            // in the order in which they were found
}

// codec gives viper the known settings of a file under their full names, and keeps all entries with
// their lines.
type codec struct {
	format  string
	entries *[]Property
}

func (c codec) Decode(data []byte, into map[string]any) error {
	entries, err := decode(c.format, data)
	*c.entries = entries
	for _, e := range entries {
		if keyTable()[e.Key] != nil {
			into[e.Key] = e.Value
		}
	}
	return err
}

// Encode writes .properties. Nothing calls it; viper's interface has it.
func (c codec) Encode(from map[string]any) ([]byte, error) {
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(from)) {
		out = appendProperty(out, name, fmt.Sprint(from[name]))
	}
	return out, nil
}

func newLayers(path string, overrides map[string]string, environ bool) (*layers, error) {
	var entries []Property
	registry := viper.NewCodecRegistry()
	for _, format := range []string{"properties", "yaml", "json"} {
		if err := registry.RegisterCodec(format, codec{format, &entries}); err != nil {
			return nil, err
		}
	}
	l := &layers{table: keyTable(), path: path, overrides: overrides, environ: environ, file: map[string]Property{},
		viper: viper.NewWithOptions(viper.KeyDelimiter(keyDelimiter), viper.WithCodecRegistry(registry))}
	for name, key := range keyTable() {
		if key.HasDefault {
			l.viper.SetDefault(name, key.Default)
		}
		if environ {
			if err := l.viper.BindEnv(name, key.Env()); err != nil {
				return nil, err
			}
		}
	}
	l.embedded = path == "" && l.foundingKey() == nil
	if err := l.readFile(); err != nil {
		return nil, err
	}
	l.warnRepeated(entries)
	for name, text := range overrides {
		l.viper.Set(name, text)
	}
	return l, nil
}

// learn adds what the file and the environment say about a key that was not known when they were
// read. Overrides are known already.
func (l *layers) learn(key *Key) {
	if e, ok := l.file[key.Name]; ok {
		l.viper.SetDefault(key.Name, e.Value)
	}
	if l.inEnvironment(key) {
		_ = l.viper.BindEnv(key.Name, key.Env()) // an error is a name without a variable
	}
}

// foundingKey returns the first founding key that the environment or an override sets, or nil.
func (l *layers) foundingKey() *Key {
	for _, name := range founding {
		key := keyTable()[name]
		if _, overridden := l.overrides[name]; overridden || l.inEnvironment(key) {
			return key
		}
	}
	return nil
}

func (l *layers) readFile() error {
	if l.embedded {
		for name, text := range embeddedDefaults {
			l.viper.SetDefault(name, text)
		}
		return nil
	}
	if l.path == "" {
		return nil
	}
	data, err := os.ReadFile(l.path)
	if err != nil {
		return fmt.Errorf(
			"the configuration file cannot be read: %w; name an existing file that this user may read", err,
		)
	}
	format := formatOf(l.path)
	l.viper.SetConfigType(format)
	err = l.viper.ReadConfig(bytes.NewReader(data))
	var parse viper.ConfigParseError
	if errors.As(err, &parse) {
		err = parse.Unwrap()
	}
	if err != nil {
		return fmt.Errorf("%s cannot be read as %s: %w; mend that line", l.path, format, err)
	}
	if format == "properties" {
		l.warnEncoding(data)
	}
	return nil
}

// warnEncoding warns about bytes that are not read as they look.
func (l *layers) warnEncoding(data []byte) {
	if bytes.HasPrefix(data, utf8BOM) {
		l.advise("", filepath.Base(l.path), "the file begins with a byte order mark; it is skipped "+
			"here, but Kafka takes it for part of the first key")
		data = data[len(utf8BOM):]
	}
	if i := bytes.IndexFunc(data, func(r rune) bool { return r > 0x7f }); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		l.advise("", fmt.Sprintf("%s:%d", filepath.Base(l.path), line),
			`letters beyond ASCII are read as ISO-8859-1, as Kafka does; write others as \uXXXX`)
	}
}

func (l *layers) advise(key, source, text string) {
	n := Notice{Kind: Advice, Source: source, Text: text}
	if key != "" {
		n.Keys, n.Text = []string{key}, key+" "+text
	}
	if source != "" {
		n.Text = source + ": " + n.Text
	}
	l.notices = append(l.notices, n)
}

func (l *layers) warnRepeated(entries []Property) {
	for _, e := range entries {
		if before, repeated := l.file[e.Key]; repeated {
			source := l.at(e.Line)
			l.notices = append(l.notices, Notice{Kind: KeyRepeated, Keys: []string{e.Key}, Source: source,
				Text: fmt.Sprintf("%s (%s) was already set at %s; the last one counts", quoteOdd(e.Key), source,
					l.at(before.Line))})
		}
		l.file[e.Key] = e
	}
}

// at names the file and a line of it.
func (l *layers) at(line int) string {
	if line == 0 {
		return filepath.Base(l.path)
	}
	return fmt.Sprintf("%s:%d", filepath.Base(l.path), line)
}

// get returns a key's text and source. ok is false if it has neither a value nor a default.
func (l *layers) get(key *Key) (text, source string, ok bool) {
	if !l.viper.IsSet(key.Name) {
		return "", "", false
	}
	return l.viper.GetString(key.Name), l.source(key), true
}

const fromDefault = "default"

func (l *layers) source(key *Key) string {
	if _, ok := l.overrides[key.Name]; ok {
		return "override"
	}
	if l.inEnvironment(key) {
		return "environment " + key.Env()
	}
	if e, ok := l.file[key.Name]; ok {
		return l.at(e.Line)
	}
	return fromDefault
}

// inEnvironment reports whether a variable sets the key. As for viper, an empty variable does not.
func (l *layers) inEnvironment(key *Key) bool { return l.environ && os.Getenv(key.Env()) != "" }

// explicit returns the names that were set, in order.
func (l *layers) explicit() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(l.file)), maps.Keys(l.overrides))
	for name, key := range l.table {
		if l.inEnvironment(key) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
