package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// reference is ${provider:key} or ${provider:path:key}, as Kafka's ConfigTransformer finds it
// (KIP-297).
var reference = regexp.MustCompile(`\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}`)

// provider returns the value of a key. ok is false if there is none: the reference then stays as it
// is, as in Kafka.
type provider func(path, key string) (text string, ok bool, err error)

// providers are the configured ones, by the name that references use.
type providers map[string]provider

// newProviders returns the providers that config.providers names. Kafka's three are built in. Any
// other is a Java class, which is an error only for a setting that is used here and refers to it.
func (r *reader) newProviders() providers {
	built := providers{}
	for _, name := range splitList(r.raw("config.providers")) {
		class := r.raw("config.providers." + name + ".class")
		param := func(key string) string { return r.raw("config.providers." + name + ".param." + key) }
		switch strings.TrimPrefix(strings.TrimSpace(class), "org.apache.kafka.common.config.provider.") {
		case "FileConfigProvider":
			built[name] = allowedPaths(param("allowed.paths"), fileProvider)
		case "DirectoryConfigProvider":
			built[name] = allowedPaths(param("allowed.paths"), directoryProvider)
		case "EnvVarConfigProvider":
			built[name] = environmentProvider(param("allowlist.pattern"))
		default:
			built[name] = func(string, string) (string, bool, error) {
				return "", false, fmt.Errorf("config provider %s is the Java class %q, which cannot run here; "+
					"use Kafka's FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider", name, class)
			}
		}
	}
	return built
}

// resolve replaces the references in text, once.
func (p providers) resolve(text string) (string, error) {
	if len(p) == 0 || !strings.Contains(text, "${") {
		return text, nil
	}
	var failed error
	resolved := reference.ReplaceAllStringFunc(text, func(match string) string {
		part := reference.FindStringSubmatch(match)
		look := p[part[1]]
		if look == nil {
			return match
		}
		found, ok, err := look(part[2], part[3])
		if err != nil && failed == nil {
			failed = err
		}
		if !ok {
			return match
		}
		return found
	})
	return resolved, failed
}

func fileProvider(path, key string) (string, bool, error) {
	if path == "" {
		return "", false, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", false, fmt.Errorf("make it readable: %w", err)
	}
	entries, err := parseUTF8Properties(data)
	if err != nil {
		return "", false, fmt.Errorf("mend %s: %w", path, err)
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Key == key {
			return entries[i].Value, true, nil
		}
	}
	return "", false, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// directoryProvider returns the content of the file named key in a directory, and of no file
// elsewhere.
func directoryProvider(path, key string) (string, bool, error) {
	if path == "" || key != filepath.Base(key) {
		return "", false, nil
	}
	if !isFile(filepath.Join(path, key)) {
		// As for Kafka's DirectoryConfigProvider, a missing file is a key that is not set.
		return "", false, nil
	}
	data, err := os.ReadFile(filepath.Join(path, key))
	if err != nil {
		return "", false, fmt.Errorf("make it readable: %w", err)
	}
	return string(data), true, nil
}

func environmentProvider(pattern string) provider {
	allowed, err := regexp.Compile(`^(?:` + pattern + `)$`)
	return func(path, key string) (string, bool, error) {
		switch {
		case err != nil:
			return "", false, fmt.Errorf("mend allowlist.pattern: %w", err)
		case path != "":
			return "", false, fmt.Errorf("write ${env:%s}: the environment has no paths", key)
		case pattern != "" && !allowed.MatchString(key):
			return "", false, nil
		}
		text, ok := os.LookupEnv(key)
		return text, ok, nil
	}
}

// allowedPaths restricts a provider to a list of absolute paths; outside of them no key is set. An
// empty list allows everything.
func allowedPaths(list string, look provider) provider {
	if list == "" {
		return look
	}
	return func(path, key string) (string, bool, error) {
		clean := filepath.Clean(path)
		for allowed := range strings.SplitSeq(list, ",") {
			allowed = filepath.Clean(allowed)
			if clean == allowed || strings.HasPrefix(clean, strings.TrimSuffix(allowed, "/")+"/") {
				return look(path, key)
			}
		}
		return "", false, nil
	}
}
