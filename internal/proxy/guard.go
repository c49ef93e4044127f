package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/tuneline/tuneline/internal/loopback"
)

// refusal is an answer of the proxy's own, which clients of both dialects read:
// AWS's the message and the header, OpenAI's the error.
type refusal struct {
	status int
	// errorType is AWS's name, code OpenAI's.
	errorType, code, message string
}

func (f *refusal) write(w http.ResponseWriter) {
	kind := "invalid_request_error"
	if f.status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	body, _ := json.Marshal(map[string]any{ // strings always encode
		"message": f.message, "type": f.errorType,
		"error": map[string]any{"message": f.message, "type": kind, "param": nil, "code": f.code},
	})
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("x-amzn-ErrorType", f.errorType)
	if f.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // who does not read it has gone
}

// silent is for what net/http would say of connections that break.
var silent = log.New(io.Discard, "", 0)

// guard refuses what does not come from a program on this machine.
func (p Proxy) guard(r *http.Request) *refusal {
	denied := func(message string) *refusal {
		return &refusal{http.StatusForbidden, "AccessDeniedException", "permission_denied", message}
	}
	switch {
	case !loopback.IsHost(r.Host):
		// A web page can give its own name this machine's address, and then read what
		// it is answered; the name is still in the request.
		return denied("the proxy answers to localhost and loopback addresses only, and the request is for another host")
	case !loopbackOrigin(r.Header) || r.Header.Get("Sec-Fetch-Site") == "cross-site":
		return denied("the proxy takes no requests that a web page elsewhere made a browser send")
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return &refusal{http.StatusMethodNotAllowed, "UnknownOperationException", "method_not_allowed", "the API has methods GET and POST only"}
	case !p.knows(r.Header.Get("Authorization")):
		return &refusal{http.StatusUnauthorized, "UnrecognizedClientException", "invalid_api_key",
			"this proxy wants its key as a bearer token: the value of its --key as an OpenAI client's API key, or as AWS_BEARER_TOKEN_BEDROCK for the AWS CLI and SDKs"}
	}
	return nil
}

// loopbackOrigin says whether a request has no origin, as those of programs, or
// one on this machine.
func loopbackOrigin(header http.Header) bool {
	for _, origin := range header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !loopback.IsHost(u.Host) {
			return false
		}
	}
	return true
}

// knows says whether a header proves that a client has the key, in a time that
// does not depend on how much of it is right.
func (p Proxy) knows(authorization string) bool {
	if p.Key == "" {
		return true
	}
	const scheme = "bearer "
	if len(authorization) < len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return false
	}
	given, want := sha256.Sum256([]byte(authorization[len(scheme):])), sha256.Sum256([]byte(p.Key))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}
