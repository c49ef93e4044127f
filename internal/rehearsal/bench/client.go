package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// client asks over HTTP, signed, on one connection to each server.
type client struct {
	http        *http.Client
	credentials aws.Credentials
	region      string
	api         string
	bedrock     string
}

// newClient makes one that may ask the double itself as well, which nobody of the
// stack may who is not its function.
func newClient(g *ground) *client {
	c := g.cloud.Administrator().Credentials
	return &client{
		http:        &http.Client{Transport: &http.Transport{}},
		credentials: aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken},
		region:      g.cloud.Stack.Region,
		api:         g.cloud.APIURL() + "/model/" + model,
		bedrock:     g.cloud.URLs()["BEDROCK_RUNTIME"] + "/model/" + url.PathEscape(g.modelID),
	}
}

// through asks through API Gateway.
func (c *client) through(ctx context.Context, r route) (total, first time.Duration, err error) {
	body, total, first, err := c.post(ctx, c.api+r.operation, "execute-api", r.body)
	return total, first, errors.Join(err, r.check(nil, body))
}

// direct asks the double itself, with the request that the function would make.
func (c *client) direct(ctx context.Context, r route) (total, first time.Duration, err error) {
	_, total, first, err = c.post(ctx, c.bedrock+r.direct, "bedrock", converseBody)
	return total, first, err
}

// post sends a request and takes the time to the first and to the last byte of
// the answer's body. Signing is not part of it.
func (c *client) post(ctx context.Context, address, service, body string) (answer []byte, total, first time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("asking: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, c.credentials, request, hex.EncodeToString(sum[:]), service, c.region, time.Now()); err != nil {
		return nil, 0, 0, fmt.Errorf("signing: %w", err)
	}
	begun := time.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("asking: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	begin := make([]byte, 1)
	if _, err := io.ReadFull(response.Body, begin); err != nil {
		return nil, 0, 0, fmt.Errorf("reading the answer of %s: %w", service, err)
	}
	first = time.Since(begun)
	rest, err := io.ReadAll(response.Body)
	total = time.Since(begun)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading the answer of %s: %w", service, err)
	}
	if answer = append(begin, rest...); response.StatusCode != http.StatusOK {
		return nil, 0, 0, fmt.Errorf("%s answers %d %.300s", service, response.StatusCode, answer)
	}
	return answer, total, first, nil
}

// zipped returns the size of a binary in a zip archive, as it is uploaded.
func zipped(path string) (float64, error) {
	binary, err := os.ReadFile(path) //nolint:gosec // a binary of this repository
	if err != nil {
		return 0, fmt.Errorf("reading the binary: %w", err)
	}
	var size counter
	archive := zip.NewWriter(&size)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	file, err := archive.Create("bootstrap")
	if err == nil {
		_, err = file.Write(binary)
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		return 0, fmt.Errorf("zipping the binary: %w", err)
	}
	return float64(size), nil
}

// counter counts what is written.
type counter int

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
