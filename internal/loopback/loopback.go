// Package loopback serves HTTP to programs of this machine, and to nobody else: it is
// the one place that listens. What it serves has limits on time and size, so that no
// client holds a server up.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// headerTime is how long a client may take for the head of a request.
	headerTime = 10 * time.Second
	// idleTime is how long a connection is kept that nothing is asked on.
	idleTime = 2 * time.Minute
	// maxHead is the largest head of a request, in bytes: more than any service of AWS
	// takes.
	maxHead = 64 << 10
)

// Any is an address of this machine with a port that is free.
const Any = "127.0.0.1:0"

// ErrReachable is wrapped by the error for an address that other machines reach.
var ErrReachable = errors.New("is reachable from other machines: use 127.0.0.1, [::1] or localhost")

// Listen listens on an address of this machine's own, and on no other.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: give a host and a port, such as 127.0.0.1:8787", address)
	}
	if !IsHost(host) {
		return nil, fmt.Errorf("%q %w", address, ErrReachable)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w: choose another port, or 0 for any that is free", err)
	}
	// localhost is what the machine's own tables say.
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%q %w", address, ErrReachable), listener.Close())
	}
	return listener, nil
}

// IsHost says whether a host, with or without a port, is this machine by a name or an
// address that no other machine can have.
func IsHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// NewServer returns a server that reads at most maxBody bytes of a request's body and
// waits for no head and no next request for ever. An answer may take as long as it
// takes.
func NewServer(handler http.Handler, maxBody int64) *http.Server {
	return &http.Server{
		Handler: http.MaxBytesHandler(handler, maxBody), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHead,
	}
}
