package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// Attacks by expensive or slow requests to the HTTP listener.
func TestYAKtAttackByHTTP(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1, attackTopics)
	kafka.FillTopic(t, v.addr(), "wide", 9000)
	for _, a := range httpAttacks() {
		a.at = v.httpAddr()
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

func httpAttacks() []attack {
	const (
		unread = 200
		read   = 20
	)
	all := []attack{
		slowBodies(2000, 16),
		slowBodies(2000, 2000),
		largeBodies(64),
		longPolls(5000),
	}
	for _, path := range []string{
		"/v1/client_mgmt", "/v1/records?limit=10000&from=1000", "/v1/snapshot",
		"/v1/get_topic_by_name?name=wide",
		"/openapi.json", "/v1/quorum",
	} {
		all = append(all, getting(path, "", unread, false), getting(path, "", read, true))
	}
	return append(all, getting("/v1/client_mgmt", "Accept: text/event-stream\r\n", unread, false))
}

// getting is a crowd that repeats one request, and reads the answers or does not.
func getting(path, header string, n int, read bool) attack {
	name := strings.TrimSpace(fmt.Sprintf("GET %s, %d that do not read. %s", path, n, header))
	if read {
		name = fmt.Sprintf("GET %s, %d that read", path, n)
	}
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: a\r\n" + header + "\r\n")
	return attack{name: name, do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.Crowd(ctx, n, func(nc net.Conn) {
			if read {
				go func() { _, _ = io.Copy(io.Discard, nc) }()
			}
			for range 1000 {
				if _, err := nc.Write(request); err != nil {
					return
				}
			}
		})
		<-ctx.Done()
	}}
}

// slowBodies is a crowd in which each client announces a body of 1 MiB, sends half of it and then a
// byte at a time.
func slowBodies(n, addresses int) attack {
	request := []byte("POST /v1/create_topic HTTP/1.1\r\nHost: a\r\nContent-Type: " +
		"application/json\r\n" +
		"Content-Length: 1048576\r\n\r\n" + strings.Repeat(" ", 512<<10))
	name := fmt.Sprintf("slow bodies, %d from %d addresses", n, addresses)
	return attack{name: name, do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.CrowdFrom(ctx, n, addresses, func(nc net.Conn) {
			if _, err := nc.Write(request); err == nil {
				trickle(ctx, nc)
			}
		})
		<-ctx.Done()
	}}
}

// largeBodies is a crowd that sends bodies with as many values as allowed.
func largeBodies(n int) attack {
	body := `{"name":"large","assignments":[` + strings.Repeat("[7],", 49_000/2) + `[7]]}`
	request := fmt.Appendf(nil,
		"POST /v1/create_topic HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", len(body), body)
	return attack{name: "large bodies",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			a.Crowd(ctx, n, func(nc net.Conn) {
				go func() { _, _ = io.Copy(io.Discard, nc) }()
				for ctx.Err() == nil {
					if _, err := nc.Write(request); err != nil {
						return
					}
				}
			})
			<-ctx.Done()
		}}
}

// longPolls is a crowd that waits for changes that do not happen during the attack.
func longPolls(n int) attack {
	request := []byte("GET /v1/records?from=9007199254740991&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n")
	return attack{name: "long polls", do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(request) })
		a.Wait()
		<-ctx.Done()
	}}
}
