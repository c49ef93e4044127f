package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

const (
	// fetchTime is how long an issuer has for one answer: two of them, of the
	// discovery document and the keys, are within the function's time.
	fetchTime = 4 * time.Second
	// maxDocument is the longest answer of an issuer, in bytes.
	maxDocument = 256 << 10
)

// fetcher reads an issuer's keys.
type fetcher struct {
	rules  finetune.TokenRules
	client *http.Client
}

// newFetcher makes a client that trusts an issuer's own address and no other: it
// follows no redirect, and uses no proxy that the environment names.
func newFetcher(rules finetune.TokenRules) fetcher {
	return fetcher{rules: rules, client: &http.Client{
		Timeout:       fetchTime,
		Transport:     &http.Transport{ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: fetchTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect, which is not followed") },
	}}
}

// keys fetches them from where the rules or the issuer's discovery document say.
func (f fetcher) keys(ctx context.Context) (keys, error) {
	place := f.rules.JWKSURL
	if place == "" {
		var err error
		if place, err = f.discover(ctx); err != nil {
			return nil, err
		}
	}
	text, err := f.get(ctx, place)
	if err != nil {
		return nil, err
	}
	found, err := readKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return found, nil
}

// discover asks the issuer where its keys are
// (https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig). The
// document must be the issuer's own.
func (f fetcher) discover(ctx context.Context) (string, error) {
	place := strings.TrimSuffix(f.rules.Issuer, "/") + "/.well-known/openid-configuration"
	text, err := f.get(ctx, place)
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := strict.DecodeKnown(text, maxDocument, &document); err != nil {
		return "", fmt.Errorf("%s: %w", place, err)
	}
	if document.Issuer != f.rules.Issuer {
		return "", fmt.Errorf("%s: is of another issuer than %q", place, f.rules.Issuer)
	}
	return document.JWKSURI, nil
}

// get reads one document.
func (f fetcher) get(ctx context.Context, place string) ([]byte, error) {
	if err := checkPlace(place); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: answers %d", place, response.StatusCode)
	}
	text, err := strict.Read(response.Body, maxDocument)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return text, nil
}

// checkPlace wants TLS, but on the machine itself, where a rehearsal's issuer is:
// over plain HTTP, whoever is on the way could name keys of its own.
func checkPlace(place string) error {
	u, err := url.Parse(place)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("the place of the keys is no URL that they can be read from")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not https", place)
}
