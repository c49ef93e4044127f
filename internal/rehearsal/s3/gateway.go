package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const unsignedPayload = "UNSIGNED-PAYLOAD"

// gateway is the store behind the front, reached with a root credential that
// nobody else has.
type gateway struct {
	child       *child
	region      string
	credentials aws.Credentials
	signer      *v4.Signer
	client      *http.Client
}

func startGateway(ctx context.Context, o Options, root string) (*gateway, error) {
	g := &gateway{
		region:      o.Region,
		credentials: aws.Credentials{AccessKeyID: rand.Text(), SecretAccessKey: rand.Text()},
		signer:      v4.NewSigner(func(s *v4.SignerOptions) { s.DisableURIPathEscaping = true }),
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	var err error
	g.child, err = startChild(ctx, childConfig{
		Root: root, Region: o.Region, Sidecar: o.sidecar,
		Access: g.credentials.AccessKeyID, Key: g.credentials.SecretAccessKey,
	})
	return g, err
}

// Close drops the connections and ends the gateway process.
func (g *gateway) Close() error {
	g.client.CloseIdleConnections()
	return g.child.Close()
}

// gatewayRequest is one request to the store.
type gatewayRequest struct {
	method, bucket, key string
	query               url.Values
	header              http.Header
	body                io.Reader
	size                int64
}

// do signs and sends q. The caller closes the answer's body.
func (g *gateway) do(ctx context.Context, q gatewayRequest) (*http.Response, error) {
	path := "/" + q.bucket
	if q.key != "" {
		path += "/" + q.key
	}
	// url.Values spells a space "+", which a signed query may not contain.
	target := &url.URL{Scheme: "http", Host: g.child.address, Path: path, RawPath: escapePath(path),
		RawQuery: strings.ReplaceAll(q.query.Encode(), "+", "%20")}
	r, err := http.NewRequestWithContext(ctx, q.method, target.String(), q.body)
	if err != nil {
		return nil, fmt.Errorf("making the gateway request: %w", err)
	}
	r.URL = target
	r.ContentLength = q.size
	if q.size == 0 {
		r.Body = http.NoBody
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
	if err := g.signer.SignHTTP(ctx, g.credentials, r, unsignedPayload, "s3", g.region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing the gateway request: %w", err)
	}
	resp, err := g.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking the gateway: %w", err)
	}
	return resp, nil
}

// createBucket makes a versioned bucket whose objects all belong to its owner.
func (g *gateway) createBucket(ctx context.Context, bucket, region string) error {
	var location string
	if region != "us-east-1" { // which must not be named, says CreateBucket
		location = "<CreateBucketConfiguration><LocationConstraint>" + region + "</LocationConstraint></CreateBucketConfiguration>"
	}
	steps := []struct {
		query url.Values
		body  string
	}{
		{nil, location},
		{url.Values{"versioning": {""}}, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"},
	}
	for _, step := range steps {
		err := g.configure(ctx, gatewayRequest{method: http.MethodPut, bucket: bucket, query: step.query,
			body: strings.NewReader(step.body), size: int64(len(step.body))})
		if err != nil {
			return fmt.Errorf("creating bucket %s: %w", bucket, err)
		}
	}
	return nil
}

// configure sends a request that must succeed and whose answer says no more.
func (g *gateway) configure(ctx context.Context, q gatewayRequest) error {
	resp, err := g.do(ctx, q)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read below
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the gateway's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the gateway answered %d: %s", resp.StatusCode, answer)
	}
	return nil
}

// drain reads and closes an answer's body, which is small.
func drain(body io.ReadCloser) ([]byte, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(body)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return b.Bytes(), nil
}

// escapePath percent-encodes everything but unreserved characters and "/", as
// Signature Version 4 wants a path.
func escapePath(path string) string {
	escaped := url.QueryEscape(path)
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(escaped)
}
