package config

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// nameTimeout bounds the queries to name servers at a start.
const nameTimeout = 2 * time.Second

// machineName returns this machine's name; the full one, as Java does, if the name service knows
// it.
func machineName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), nameTimeout)
	defer cancel()
	return fullName(host, func(name string) ([]string, error) {
		return net.DefaultResolver.LookupHost(ctx, name)
	}, func(address string) ([]string, error) {
		return net.DefaultResolver.LookupAddr(ctx, address)
	}), nil
}

// fullName returns the name of a host's own addresses that extends the host name, such as
// node-1.example.com for node-1; else the host name itself.
func fullName(host string, addresses, names func(string) ([]string, error)) string {
	if strings.Contains(host, ".") {
		return host
	}
	found, _ := addresses(host) // without an answer the short name is returned
	for _, address := range found {
		all, _ := names(address)
		for _, name := range all {
			name = strings.TrimSuffix(name, ".")
			if strings.HasPrefix(strings.ToLower(name), strings.ToLower(host)+".") {
				return name
			}
		}
	}
	return host
}
