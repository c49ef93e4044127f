// Package proxy signs the requests of clients that cannot sign: it listens on
// loopback, puts the caller's own Signature Version 4 on each request, and passes
// it to the inference API. Bodies and answers are not looked into.
//
// What it lends is the caller's permission to ask models, to whoever reaches its
// port. So it takes requests from this machine only, and none that a web page
// made a browser send.
package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Proxy passes requests on to one API.
type Proxy struct {
	// Target is the API's address, its stage included.
	Target *url.URL
	// Region is the API's.
	Region string
	// Credentials are asked for each request: they may be renewed meanwhile.
	Credentials aws.CredentialsProvider
	// Model is who answers at /v1, beside /model/<model>/v1; it may be empty.
	Model string
	// Key is what clients must send as a bearer token; without one all may ask.
	Key string
	// APIKey is sent as x-api-key, for an API with a usage plan; without one, the
	// client's own goes on.
	APIKey string
}

const (
	// maxBody is Lambda's limit on a request, in bytes
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	maxBody = 6 << 20
	// bodyTime is how long a client may take to send a body.
	bodyTime = time.Minute
	// connectTime is how long a connection to the API may take.
	connectTime = 10 * time.Second
	// answerTime is how long the API may take to begin an answer: as long as it may
	// take for one that is not streamed, and a little longer, so that it is the API
	// who says what happened. There is no limit on an answer that has begun
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html).
	answerTime = 15*time.Minute + 10*time.Second
	// idleTime is how long an idle connection to the API is kept; API Gateway closes
	// them after a while of its own.
	idleTime = time.Minute
	// maxHead is the largest head of a request, in bytes: somewhat more than API
	// Gateway takes.
	maxHead = 32 << 10
)

// Handler returns the proxy as a handler of requests.
func (p Proxy) Handler() http.Handler {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout:   connectTime,
		ResponseHeaderTimeout: answerTime,
		IdleConnTimeout:       idleTime,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
		// Answers go on as they came, packed or not.
		DisableCompression: true,
	}
	forward := &httputil.ReverseProxy{
		Rewrite:       p.rewrite,
		Transport:     signing{Proxy: p, next: transport},
		FlushInterval: -1, // every token as it comes
		ErrorHandler:  p.failed,
		ErrorLog:      silent,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := p.guard(r); refusal != nil {
			refusal.write(w)
			return
		}
		if refusal := buffer(w, r); refusal != nil {
			refusal.write(w)
			return
		}
		forward.ServeHTTP(w, r)
	})
}

// buffer reads the body, which a signature has the hash of. Reading it ends after
// a while; nothing else does.
func buffer(w http.ResponseWriter, r *http.Request) *refusal {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // not of every kind of connection
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &refusal{http.StatusRequestEntityTooLarge, "ValidationException", "request_too_large", "the body is larger than 6 MB, which is the most that the API takes"}
	case err != nil:
		return &refusal{http.StatusBadRequest, "ValidationException", "invalid_body", "the body could not be read to its end"}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	return nil
}

// spared are the headers that stay here: the client's own proofs of who it is,
// and what is the browser's.
var spared = []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "Cookie", "Origin", "Referer", "Expect"}

// rewrite addresses a request to the API.
func (p Proxy) rewrite(r *httputil.ProxyRequest) {
	path, raw := r.In.URL.Path, r.In.URL.EscapedPath()
	if p.Model != "" && (path == "/v1" || strings.HasPrefix(path, "/v1/")) {
		path, raw = "/model/"+p.Model+path, "/model/"+p.Model+raw
	}
	out := r.Out
	out.URL.Scheme, out.URL.Host, out.Host = p.Target.Scheme, p.Target.Host, p.Target.Host
	base := strings.TrimSuffix(p.Target.Path, "/")
	out.URL.Path, out.URL.RawPath = base+path, base+raw
	for _, name := range spared {
		out.Header.Del(name)
	}
	if p.APIKey != "" {
		out.Header.Set("X-Api-Key", p.APIKey)
	}
}

// failed answers for an API that did not.
func (p Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	var timeout net.Error
	var unsigned *credentialsError
	switch {
	case r.Context().Err() != nil: // the client has gone, and reads nothing
	case errors.As(err, &unsigned):
		(&refusal{http.StatusUnauthorized, "ExpiredTokenException", "no_credentials", unsigned.Error()}).write(w)
	case errors.As(err, &timeout) && timeout.Timeout():
		(&refusal{http.StatusGatewayTimeout, "ModelTimeoutException", "timeout", fmt.Sprintf("the API at %s did not answer in time", p.Target.Host)}).write(w)
	default:
		(&refusal{http.StatusBadGateway, "ServiceUnavailableException", "unreachable",
			fmt.Sprintf("the API at %s could not be reached; a private one answers inside its VPC only: %s", p.Target.Host, reason(err))}).write(w)
	}
}

// reason is an error of the network without the request that met it.
func reason(err error) string {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Error()
	}
	return err.Error()
}
