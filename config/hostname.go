package config

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// nameTimeout bounds the questions to name servers at a start.
const nameTimeout = 2 * time.Second

// machineName is the name of this machine: in full, as Java finds it, where the name service knows
// a full name.
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

// fullName is the name that a host's own addresses have beyond the host's name, such as
// node-1.example.com for node-1; the host's name itself when they have none.
func fullName(host string, addresses, names func(string) ([]string, error)) string {
	if strings.Contains(host, ".") {
		return host
	}
	found, _ := addresses(host) // without an answer the short name has to do
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
