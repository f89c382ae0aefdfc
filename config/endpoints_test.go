package config

import "testing"

func TestParseHostPort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]HostPort{
		"node-1:9093":              {"node-1", 9093},
		":0":                       {"", 0},
		"[::1]:9093":               {"::1", 9093},
		"2001:db8::1:9093":         {"2001:db8::1", 9093},
		"fe80::1%eth0:1":           {"fe80::1%eth0", 1},
		"CONTROLLER://node-1:9093": {"node-1", 9093},
		"10.0.0.1:65535":           {"10.0.0.1", 65535},
		"node_1:9093":              {"node_1", 9093},
	} {
		if got, wrong := parseHostPort(text); got != want || wrong != "" {
			t.Errorf("%q: %+v %s", text, got, wrong)
		}
	}
	for text, want := range map[string]string{
		"":                 "is not of the form host:port",
		"node-1":           "is not of the form host:port",
		"node-1:":          "is not of the form host:port",
		"node-1:x":         "is not of the form host:port",
		"node-1:-1":        "is not of the form host:port",
		"node 1:9093":      "is not of the form host:port",
		"node-1:65536":     "has a port above 65535",
		"a:b:9093":         "has a colon in its host, which is no IPv6 address",
		"[1:2:3]:9093":     "has a colon in its host, which is no IPv6 address",
		"http://a/b:9093":  "is not of the form host:port",
		"node-1:9093:9094": "has a colon in its host, which is no IPv6 address",
	} {
		if got, wrong := parseHostPort(text); wrong != want {
			t.Errorf("%q: %+v, %q", text, got, wrong)
		}
	}
}

func TestParseVoter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1@node-1:9093":          "",
		"0@[::1]:9093":           "",
		"node-1:9093":            "is not of the form id@host:port",
		"-1@node-1:9093":         "is not of the form id@host:port",
		"2147483648@node-1:9093": "is not of the form id@host:port",
		"1@node-1":               "is not of the form host:port",
		"1@:9093":                "has no host that others could dial",
		"1@0.0.0.0:9093":         "has no host that others could dial",
		"1@[::]:9093":            "has no host that others could dial",
		"1@node-1:0":             "has port 0",
	} {
		if got, wrong := parseVoter(text); wrong != want {
			t.Errorf("%q: %+v, %q", text, got, wrong)
		}
	}
	v, _ := parseVoter("7@[::1]:9093")
	if v != (Voter{ID: 7, HostPort: HostPort{"::1", 9093}}) || v.String() != "[::1]:9093" {
		t.Errorf("%+v is %s", v, v)
	}
}

func TestParseListener(t *testing.T) {
	t.Parallel()
	l, wrong := parseListener("controller://:9093")
	if l != (Listener{Name: "CONTROLLER", HostPort: HostPort{"", 9093}}) || wrong != "" {
		t.Errorf("%+v, %q", l, wrong)
	}
	if l.String() != "CONTROLLER://:9093" {
		t.Error(l)
	}
	for text, want := range map[string]string{
		"://:9093":          "is not of the form NAME://host:port",
		":9093":             "is not of the form NAME://host:port",
		"A:9093":            "is not of the form NAME://host:port",
		"A://":              "is not of the form host:port",
		"A://node-1:999999": "has a port above 65535",
	} {
		if got, wrong := parseListener(text); wrong != want {
			t.Errorf("%q: %+v, %q", text, got, wrong)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]struct{ wildcard, loopback bool }{
		"":                 {true, false},
		"0.0.0.0":          {true, false},
		"::":               {true, false},
		"::ffff:0.0.0.0":   {true, false},
		"127.0.0.1":        {false, true},
		"127.8.9.1":        {false, true},
		"::1":              {false, true},
		"::ffff:127.0.0.1": {false, true},
		"LocalHost":        {false, true},
		"localhost.":       {false, false},
		"10.0.0.1":         {false, false},
		"node-1":           {false, false},
	} {
		if isWildcard(host) != want.wildcard || isLoopback(host) != want.loopback {
			t.Errorf("%q: wildcard %t, loopback %t", host, isWildcard(host), isLoopback(host))
		}
	}
}

func TestSecurityProtocols(t *testing.T) {
	t.Parallel()
	for number, name := range protocolNames {
		p, ok := parseProtocol(name)
		if !ok || int(p) != number || p.String() != name {
			t.Errorf("%s: %d, %t", name, p, ok)
		}
	}
	if p, ok := parseProtocol("sasl_ssl"); !ok || p != SASLSSL {
		t.Errorf("in lower case: %v", p)
	}
	if _, ok := parseProtocol("TLS"); ok {
		t.Error("TLS is none of Kafka's protocols")
	}
	for _, p := range []SecurityProtocol{-1, 4} {
		if p.String() != "security protocol "+map[SecurityProtocol]string{-1: "-1", 4: "4"}[p] {
			t.Error(p)
		}
	}
}
