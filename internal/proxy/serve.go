package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// graceTime is how long requests under way may go on once the proxy is to stop.
const graceTime = 3 * time.Second

// Listen listens on an address of this machine's own, and on no other.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: give a host and a port, such as 127.0.0.1:8787", address)
	}
	if !loopbackHost(host) {
		return nil, fmt.Errorf("%q is reachable from other machines, which would ask with your permissions: use 127.0.0.1, [::1] or localhost", address)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w: choose another port, or 0 for any that is free", err)
	}
	// localhost is what the machine's own tables say.
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%q is no address of this machine's own: use 127.0.0.1 or [::1]", address), listener.Close())
	}
	return listener, nil
}

// Serve answers requests until the context ends. Those under way may then go on
// for a moment.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTime, MaxHeaderBytes: maxHead, ErrorLog: silent}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the proxy stopped: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(server.Close(), toldToEnd(<-ended))
	}
	return toldToEnd(<-ended)
}

// toldToEnd leaves out that a server has ended because it was told to.
func toldToEnd(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
