package loopback

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Ensure only addresses of this machine are listened on, however others are spelled.
func TestListen(t *testing.T) {
	for address, says := range map[string]string{
		"0.0.0.0:0": "other machines", ":0": "other machines", "192.0.2.1:80": "other machines", "[::]:0": "other machines",
		"example.com:80": "other machines", "localhost.example.com:80": "other machines", "127.0.0.1.example.com:80": "other machines",
		"[::ffff:10.0.0.1]:0": "other machines", "2130706433:0": "other machines", "": "no address", "127.0.0.1": "no address", "127.0.0.1:notaport": "listening",
	} {
		if _, err := Listen(t.Context(), address); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", address, err, says)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "127.9.9.9:0"} {
		listener, err := Listen(t.Context(), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if _, err := Listen(t.Context(), listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "another port") {
			t.Errorf("%s is taken twice: %v", address, err)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Ensure a server ends what waits and what is too large.
func TestNewServer(t *testing.T) {
	read := make(chan error, 1)
	server := NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	}), 10)
	if server.ReadHeaderTimeout <= 0 || server.IdleTimeout <= 0 || server.MaxHeaderBytes <= 0 {
		t.Errorf("the server waits for ever, or reads any head: %+v", server)
	}
	listener, err := Listen(t.Context(), Any)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // always ErrServerClosed
	t.Cleanup(func() { _ = server.Close() })
	for size, tooLarge := range map[int]bool{0: false, 10: false, 11: true} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String(), strings.NewReader(strings.Repeat("a", size)))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		var large *http.MaxBytesError
		if err := <-read; errors.As(err, &large) != tooLarge || !tooLarge && err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
