package oauth

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/certs"
)

// reader reads effective security keys, and collects what is wrong with them.
type reader struct {
	keys     map[string]string
	problems []security.Problem
}

// name is the key's name in the configuration: with the mechanism in front where that is set, which
// takes precedence as in Kafka.
func (r *reader) name(key string) string {
	if _, ok := r.keys["oauthbearer."+key]; ok {
		return "oauthbearer." + key
	}
	return key
}

// text returns the key's text without spaces around it, "" if it is not set.
func (r *reader) text(key, otherwise string) string {
	text := strings.TrimSpace(r.keys[r.name(key)])
	if text == "" {
		return otherwise
	}
	return text
}

func (r *reader) problem(key, wrong, fix string) {
	r.problems = append(r.problems, security.Problem{Key: r.name(key), Wrong: wrong, Fix: fix})
}

// number reads a number between least and most.
func (r *reader) number(key string, otherwise, least, most int64) int64 {
	text := r.text(key, "")
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		fix := "write a number of at least " + strconv.FormatInt(least, 10)
		if most != math.MaxInt64 {
			fix += " and at most " + strconv.FormatInt(most, 10)
		}
		r.problem(key, "is not a number in the range of this key", fix)
		return otherwise
	}
	return n
}

// fraction reads a decimal number between least and most.
func (r *reader) fraction(key string, otherwise, least, most float64) float64 {
	text := r.text(key, "")
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= least && n <= most) {
		r.problem(key, "is not a number in the range of this key", "write a number between "+
			strconv.FormatFloat(least, 'g', -1, 64)+" and "+
			strconv.FormatFloat(most, 'g', -1, 64))
		return otherwise
	}
	return n
}

func (r *reader) boolean(key string) bool {
	switch strings.ToLower(r.text(key, "false")) {
	case "true":
		return true
	case "false":
		return false
	}
	r.problem(key, "is neither true nor false", "write true or false")
	return false
}

// list splits a text at its commas, as Kafka's LIST keys.
func (r *reader) list(key string) []string {
	text := r.text(key, "")
	if text == "" {
		return nil
	}
	list := strings.Split(text, ",")
	seen := make(map[string]bool)
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
		if list[i] == "" || seen[list[i]] {
			r.problem(key, "has an empty or a repeated element", "name each value once")
			return nil
		}
		seen[list[i]] = true
	}
	return list
}

// endpoint reads an http, https or file URL; nil if the key is not set or wrong.
func (r *reader) endpoint(key string) *url.URL {
	text := r.text(key, "")
	if text == "" {
		return nil
	}
	const fix = "write https://host/path, or file:///absolute/path"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		r.problem(key, "is not a URL", fix)
		return nil
	case u.User != nil:
		r.problem(key, "has a user or a password in the URL", "remove them")
		return nil
	case u.Scheme == "file" && u.Path != "" && u.Host == "", u.Scheme == "https" && u.Host != "",
		u.Scheme == "http" && u.Host != "":
		return u
	}
	r.problem(key, "is not a URL of http, https or a file", fix)
	return nil
}

// kafkas is where Kafka's own classes for OAUTHBEARER live.
const kafkas = "org.apache.kafka.common.security.oauthbearer."

// class checks that a key names one of the classes, all of them Kafka's and named without their
// package. It returns the name, the first one if the key is not set, and "" after a problem.
func (r *reader) class(key string, known ...string) string {
	full := r.text(key, kafkas+known[0])
	for _, name := range known {
		if full == kafkas+name {
			return name
		}
	}
	r.problem(key, "names a class that cannot run here", "remove the key or name one of "+
		kafkas+strings.Join(known, ", "+kafkas))
	return ""
}

// tlsSettings reads the ssl.* options of a JAAS entry. Kafka's HTTP clients for OAuth take their
// TLS settings from there and from nowhere else.
func (r *reader) tlsSettings(options map[string]protocol.Password) certs.Settings {
	keys := make(map[string]string)
	for name, value := range options {
		if strings.HasPrefix(name, "ssl.") {
			keys[name] = value.Reveal()
		}
	}
	settings, problems := certs.Parse(keys)
	for _, p := range problems {
		r.problem(keyJaas, "has an option "+p.Key+" that "+p.Wrong, p.Fix)
	}
	return settings
}
