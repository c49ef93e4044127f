package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// service is what requests to API Gateway are signed for.
const service = "execute-api"

// signing signs what it sends.
type signing struct {
	Proxy
	next http.RoundTripper
}

// credentialsError says that there are no credentials to sign with.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string {
	return fmt.Sprintf("there are no AWS credentials to sign with any more: sign in where tuneline proxy runs (\"aws sso login\"), or start it anew with others: %v", e.err)
}

func (e *credentialsError) Unwrap() error { return e.err }

// RoundTrip implements http.RoundTripper. What is signed is the least that counts:
// what is on the way may change other headers.
func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	credentials, err := s.Credentials.Retrieve(r.Context())
	if err != nil {
		return nil, &credentialsError{err}
	}
	hash, err := bodyHash(r)
	if err != nil {
		return nil, err
	}
	signed := r.Clone(r.Context())
	least := &http.Request{Method: r.Method, URL: signed.URL, Host: r.Host, Header: http.Header{}, ContentLength: r.ContentLength}
	for name, values := range r.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "X-Amz-") {
			least.Header[name] = values
		}
	}
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, least, hash, service, s.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing the request: %w", err)
	}
	for name, values := range least.Header {
		signed.Header[name] = values
	}
	return s.next.RoundTrip(signed)
}

// bodyHash is the SHA-256 of the body, in hexadecimal.
func bodyHash(r *http.Request) (string, error) {
	body, err := r.GetBody()
	if err != nil {
		return "", fmt.Errorf("reading the body: %w", err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		return "", fmt.Errorf("reading the body: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
