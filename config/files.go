package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds the nesting of YAML and JSON; Kafka's longest name has nine parts.
const maxDepth = 32

// formatOf goes by the file's extension; whatever is not YAML or JSON is a properties file, as for
// Kafka.
func formatOf(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return "yaml"
	case ".json":
		return "json"
	}
	return "properties"
}

func decode(format string, data []byte) ([]Property, error) {
	switch format {
	case "yaml":
		return decodeYAML(data)
	case "json":
		return decodeJSON(data)
	}
	return ParseProperties(bytes.TrimPrefix(data, utf8BOM))
}

var utf8BOM = []byte("\xef\xbb\xbf")

// decodeYAML reads Kafka's names, written flat or nested (node.id: 1, or node: {id: 1}). Scalars
// are taken as they are written, so that long numbers and words like "on" stay what they are; lists
// are joined with commas.
func decodeYAML(data []byte) ([]Property, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	var entries []Property
	err := flattenYAML(&entries, "", doc.Content[0], 0)
	return entries, err
}

func flattenYAML(entries *[]Property, name string, node *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("line %d: nested more than %d deep", node.Line, maxDepth)
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if key := node.Content[i]; key.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: a key must be a plain name", key.Line)
			}
			if err := flattenYAML(entries, joinName(name, node.Content[i].Value), node.Content[i+1],
				depth+1); err != nil {
				return err
			}
		}
		return nil
	case yaml.SequenceNode:
		return yamlList(entries, name, node)
	case yaml.ScalarNode:
		if name == "" {
			return fmt.Errorf("line %d: expected keys and values, not a single value", node.Line)
		}
		if node.Tag != "!!null" {
			*entries = append(*entries, Property{name, node.Value, node.Line})
		}
		return nil
	}
	return fmt.Errorf("line %d: anchors and aliases cannot be used here; write the value out",
		node.Line)
}

func yamlList(entries *[]Property, name string, node *yaml.Node) error {
	if name == "" {
		return fmt.Errorf("line %d: expected keys and values, not a list", node.Line)
	}
	parts := make([]string, len(node.Content))
	for i, element := range node.Content {
		if element.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: the elements of %s must be plain values", element.Line, name)
		}
		parts[i] = element.Value
	}
	*entries = append(*entries, Property{name, strings.Join(parts, ","), node.Line})
	return nil
}

func joinName(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// decodeJSON is decodeYAML for JSON, read token by token so that order, repetitions and long
// numbers are kept.
func decodeJSON(data []byte) ([]Property, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var entries []Property
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil && token != json.Delim('{') {
		err = errors.New("expected an object of keys and values")
	}
	if err == nil {
		err = jsonObject(d, &entries, "", 0)
	}
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something after the object's end")
		}
	}
	if err != nil {
		line := 1 + bytes.Count(data[:min(int(d.InputOffset()), len(data))], []byte("\n"))
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	return entries, nil
}

// jsonObject reads up to and including the closing brace.
func jsonObject(d *json.Decoder, entries *[]Property, name string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	for {
		token, err := d.Token()
		if err != nil {
			return noEOF(err)
		}
		if token == json.Delim('}') {
			return nil
		}
		key := joinName(name, token.(string)) // the decoder admits only strings here
		if token, err = d.Token(); err != nil {
			return noEOF(err)
		}
		switch token {
		case json.Delim('{'):
			err = jsonObject(d, entries, key, depth+1)
		case json.Delim('['):
			err = jsonList(d, entries, key)
		case nil:
		default:
			*entries = append(*entries, Property{Key: key, Value: fmt.Sprint(token)})
		}
		if err != nil {
			return err
		}
	}
}

func jsonList(d *json.Decoder, entries *[]Property, name string) error {
	var parts []string
	for {
		token, err := d.Token()
		if err != nil {
			return noEOF(err)
		}
		switch token := token.(type) {
		case json.Delim:
			if token != ']' {
				return fmt.Errorf("the elements of %s must be plain values", name)
			}
			*entries = append(*entries, Property{Key: name, Value: strings.Join(parts, ",")})
			return nil
		default:
			parts = append(parts, fmt.Sprint(token))
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
