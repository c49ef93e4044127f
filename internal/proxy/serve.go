package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/tuneline/tuneline/internal/loopback"
)

// graceTime is how long requests under way may go on once the proxy is to stop.
const graceTime = 3 * time.Second

// Serve answers requests until the context ends. Those under way may then go on
// for a moment.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := loopback.NewServer(handler, maxBody+1) // of one more, the handler says in words that it is too large
	server.MaxHeaderBytes, server.ErrorLog = maxHead, silent
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
