package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// access says at which nodes a command asks, and who it is there. Each setting is the first that is
// given of: a flag, an environment variable, the context. The context is the one that --context or
// YAKT_CONTEXT names, or else the current one of the file; a command whose servers are given
// otherwise does not use the current one, so that no server gets the credentials for another.
//
// There is no flag for a password or a token: every user of the machine sees the command lines of
// all processes, and shells keep them in a history.
type access struct {
	context      string // name; "": the current one
	servers      string // host:port or URL, several separated by commas; tried in that order
	tls          tlsFiles
	user         string
	userFlag     string // "": user; another where user is something else
	passwordFile string
	tokenFile    string
	ownIdentity  bool // a flag says who the client is: the environment's token does not count
}

// tlsFiles are the files for TLS, and the name that the node's certificate must be for.
type tlsFiles struct {
	CA         string `yaml:"ca,omitempty"`
	Cert       string `yaml:"cert,omitempty"`
	Key        string `yaml:"key,omitempty"`
	ServerName string `yaml:"serverName,omitempty"`
}

// Environment variables of settings that are also flags, and of the secrets, which are not.
const (
	envServer   = "YAKT_SERVER"
	envContext  = "YAKT_CONTEXT"
	envUser     = "YAKT_USER"
	envPassword = "YAKT_PASSWORD"
	envToken    = "YAKT_TOKEN"
)

// settings are the access settings with their flags and variables.
func (a *access) settings() []accessSetting {
	return []accessSetting{
		{&a.servers, "server", envServer, "HTTP address of a node, such as " + serverDefault +
			" or https://node-1:8093; of several, separated by commas, the next is tried when one " +
			"cannot be reached"},
		{&a.tls.CA, "tls-ca", "YAKT_TLS_CA", "PEM file with the authorities that sign the nodes' " +
			"certificates, instead of the system's"},
		{&a.tls.Cert, "tls-cert", "YAKT_TLS_CERT", "PEM file with this client's certificate"},
		{&a.tls.Key, "tls-key", "YAKT_TLS_KEY", "PEM file with the key of that certificate"},
		{&a.tls.ServerName, "tls-server-name", "YAKT_TLS_SERVER_NAME",
			"name that the nodes' certificates must be for, instead of the host in --server"},
		{&a.user, cmp.Or(a.userFlag, "user"), envUser, "user name; the password is in " + envPassword +
			", in --password-file, or asked for"},
		{&a.passwordFile, "password-file", "YAKT_PASSWORD_FILE",
			"file with the password in its first line"},
		{&a.tokenFile, "token-file", "YAKT_TOKEN_FILE", "file with a delegation token, as " +
			"<id>.<hmac>, or an OAuth token (environment for the token itself: " + envToken + ")"},
	}
}

type accessSetting struct {
	at                *string
	flag, environment string
	usage             string
}

// flags adds the flags. Variables are read when a command runs.
func (a *access) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	for _, s := range a.settings() {
		f.StringVar(s.at, s.flag, "", s.usage+" (environment: "+s.environment+")")
	}
	f.StringVar(&a.context, "context", "", "a context of the file that `yakt context list` shows "+
		"(environment: "+envContext+")")
	for _, files := range []string{"tls-ca", "tls-cert", "tls-key", "password-file", "token-file"} {
		_ = cmd.MarkPersistentFlagFilename(files) // an error means that there is no such flag
	}
	_ = cmd.RegisterFlagCompletionFunc("context", completeContexts)
}

// resolved returns the settings in effect.
func (a access) resolved() (access, error) {
	a.ownIdentity = a.user != "" || a.tokenFile != ""
	for _, s := range a.settings() {
		if identity := s.at == &a.user || s.at == &a.tokenFile; !identity || !a.ownIdentity {
			*s.at = cmp.Or(*s.at, os.Getenv(s.environment))
		}
	}
	name := cmp.Or(a.context, os.Getenv(envContext))
	if name == "" && a.servers != "" {
		a.servers = strings.TrimSpace(a.servers)
		return a, nil
	}
	of, err := readContext(name)
	if err != nil {
		return a, err
	}
	a.fill(of)
	a.servers = cmp.Or(a.servers, serverDefault)
	return a, nil
}

// fill takes what is not set from a context. What a flag or a variable says about who the client is
// replaces all that the context says about it.
func (a *access) fill(c savedContext) {
	a.servers = cmp.Or(a.servers, strings.Join(c.Servers, ","))
	a.tls.CA = cmp.Or(a.tls.CA, c.TLS.CA)
	a.tls.ServerName = cmp.Or(a.tls.ServerName, c.TLS.ServerName)
	if a.tls.Cert == "" && a.tls.Key == "" {
		a.tls.Cert, a.tls.Key = c.TLS.Cert, c.TLS.Key
	}
	if a.user == "" && a.tokenFile == "" && os.Getenv(envToken) == "" {
		a.user, a.tokenFile = c.User, c.TokenFile
	}
	if a.user == c.User && os.Getenv(envPassword) == "" {
		a.passwordFile = cmp.Or(a.passwordFile, c.PasswordFile)
	}
}

// authorization returns the value of the header Authorization; "" without a user and a token. It
// asks for the password at a terminal if prompt is not nil.
func (a *access) authorization(in io.Reader, prompt io.Writer) (string, error) {
	token := ""
	if !a.ownIdentity {
		token = os.Getenv(envToken)
	}
	if a.tokenFile != "" {
		text, err := readSecret(a.tokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		token = text
	}
	switch {
	case a.user != "" && token != "":
		return "", &exitError{exitUsage, errors.New("there are both a user and a token: give one of " +
			"--user and --token-file, or " + envUser + " and " + envToken)}
	case token != "":
		return "Bearer " + strings.TrimSpace(token), nil
	case a.user == "":
		return "", nil
	}
	password, err := a.password(in, prompt)
	if err != nil {
		return "", err
	}
	pair := base64.StdEncoding.EncodeToString([]byte(a.user + ":" + password))
	return "Basic " + pair, nil
}

func (a *access) password(in io.Reader, prompt io.Writer) (string, error) {
	if a.passwordFile != "" {
		text, err := readSecret(a.passwordFile)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		return text, nil
	}
	if password := os.Getenv(envPassword); password != "" {
		return password, nil
	}
	if f, ok := in.(*os.File); prompt == nil || !ok || !terminal(f) {
		return "", &exitError{exitUsage, fmt.Errorf("there is no password for %s: set %s, give "+
			"--password-file, or use a terminal", a.user, envPassword)}
	}
	fmt.Fprintf(prompt, "%s at %s. ", a.user, a.servers)
	return readPassword(in, prompt)
}

// secretMax bounds a file with a secret.
const secretMax = 64 << 10

// readSecret returns the first line of a file that nobody else can read.
func readSecret(path string) (string, error) {
	data, err := readPrivate(path, secretMax)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", fmt.Errorf("%s: the first line is empty", path)
	}
	return line, nil
}

// readPrivate reads a file that only its owner may read and write.
func readPrivate(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s can be read or written by others (mode %04o): chmod 600 %[1]s", path,
			mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, err
}

// inClear refuses to send credentials over a network that others may listen to.
func inClear(at *url.URL, authorization string) error {
	host := at.Hostname()
	if authorization == "" || at.Scheme == "https" || host == "localhost" ||
		net.ParseIP(host).IsLoopback() {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("%s would get the password or the token in the clear: "+
		"use https://, or a tunnel such as ssh -L", at)}
}

// absolute returns a path that stays valid in another directory; "" for "".
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// transport returns what sends requests, with the settings for TLS.
func (a *access) transport() (http.RoundTripper, error) {
	if a.tls == (tlsFiles{}) {
		return http.DefaultTransport, nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: a.tls.ServerName}
	if a.tls.CA != "" {
		data, err := os.ReadFile(a.tls.CA)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("--tls-ca: %s has no certificate in PEM", a.tls.CA)
		}
	}
	if a.tls.Cert == "" && a.tls.Key == "" {
		return t, nil
	}
	pair, err := a.tls.pair()
	t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	return t, err
}

// pair reads the client's certificate and its key, which may be in one file.
func (f tlsFiles) pair() (pair tls.Certificate, err error) {
	if f.Cert == "" {
		return pair, &exitError{exitUsage, errors.New("--tls-key needs --tls-cert")}
	}
	chain, err := os.ReadFile(f.Cert)
	if err != nil {
		return pair, fmt.Errorf("--tls-cert: %w", err)
	}
	key, err := readPrivate(cmp.Or(f.Key, f.Cert), secretMax)
	if err != nil {
		return pair, fmt.Errorf("--tls-key: %w", err)
	}
	if pair, err = tls.X509KeyPair(chain, key); err != nil {
		err = fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return pair, err
}

// serverURL returns the base URL of a server's HTTP API. --server takes URLs, and hosts with or
// without a port, for HTTPS if anything is said about TLS.
func (a *access) serverURL(server string) (*url.URL, error) {
	text, secure := strings.TrimSpace(server), a.tls != (tlsFiles{})
	if !strings.Contains(text, "://") {
		scheme := "http"
		if secure {
			scheme = "https"
		}
		text = scheme + "://" + withPort(strings.TrimRight(text, "/"))
	}
	at, err := url.Parse(text)
	if err != nil || at.Hostname() == "" || at.User != nil ||
		at.Scheme != "http" && at.Scheme != "https" {
		return nil, &exitError{exitUsage, fmt.Errorf("--server %q is not an address such as %s",
			withoutUser(server), serverDefault)}
	}
	if secure && at.Scheme == "http" {
		return nil, &exitError{exitUsage, fmt.Errorf("--server %s is without TLS, and there are "+
			"settings for TLS: use https://", text)}
	}
	at.Path = strings.TrimRight(at.Path, "/")
	return at, nil
}

// withoutUser hides what is before an @, which may be a password.
func withoutUser(server string) string {
	if i := strings.LastIndexByte(server, '@'); i >= 0 {
		return "..." + server[i:]
	}
	return server
}
