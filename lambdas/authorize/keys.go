package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

// source is where the issuer's keys are.
type source interface {
	// find returns the key of an id, for an algorithm. note is what is to be said
	// of it in the log, if anything. The error is a refusal, or says that nobody
	// knows.
	find(ctx context.Context, kid, algorithm string) (key *jose.JSONWebKey, note string, err error)
}

// keys are an issuer's keys, as they were read once.
type keys []jose.JSONWebKey

// maxKeys is more than any issuer has.
const maxKeys = 100

// minRSA is the size of an RSA key, in bits, below which it is too weak
// (https://www.rfc-editor.org/rfc/rfc7518#section-3.3).
const minRSA = 2048

// readKeys reads a JSON Web Key Set. What is not a public key for verifying a
// signature, or not understood, is passed over (RFC 7517, section 5).
func readKeys(text []byte) (keys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := strict.DecodeKnown(text, maxDocument, &set); err != nil {
		return nil, fmt.Errorf("no JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, which is more than an issuer has", len(set.Keys))
	}
	var usable keys
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(text); err != nil || key.KeyID == "" || !verifies(key) {
			continue
		}
		usable = append(usable, key)
	}
	if usable == nil {
		return nil, errors.New("no key that verifies a signature")
	}
	return usable, nil
}

func verifies(key jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	default:
		return false
	}
}

// have says whether a key has this id.
func (k keys) have(kid string) bool { return k.index(kid) >= 0 }

func (k keys) index(kid string) int {
	return slices.IndexFunc(k, func(key jose.JSONWebKey) bool { return key.KeyID == kid })
}

// find of keys that are given once and for all.
func (k keys) find(_ context.Context, kid, algorithm string) (*jose.JSONWebKey, string, error) {
	i := k.index(kid)
	if i < 0 {
		return nil, "", refuse("no key of the issuer has this kid")
	}
	if !fits(k[i], algorithm) {
		return nil, "", refuse("the key is not for this algorithm")
	}
	return &k[i], "", nil
}

// fits says whether a key is of the kind that an algorithm wants, and its own word
// on that does not contradict.
func fits(key jose.JSONWebKey, algorithm string) bool {
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		curves := map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}
		return k.Curve.Params().BitSize == curves[algorithm]
	default:
		return algorithm == string(jose.EdDSA)
	}
}

const (
	// maxAge is how old keys may be before they are fetched again.
	maxAge = 10 * time.Minute
	// maxStale is how old they may be while the issuer cannot be reached: longer than
	// an outage lasts, since one of the issuer need not be one of the models. A
	// key that leaked counts for as long only if the issuer is out of reach, too.
	maxStale = 24 * time.Hour
	// pause lies between two fetches, however many tokens name keys that nobody
	// has; pauseWithout while there are no keys at all, and nobody is let in.
	pause        = 30 * time.Second
	pauseWithout = 2 * time.Second
)

// fetched is the keys as the issuer publishes them, remembered.
type fetched struct {
	fetch func(context.Context) (keys, error)
	now   func() time.Time

	mu   sync.Mutex
	keys keys
	// at is when keys were fetched, tried when that was last tried, and failed how
	// it went.
	at, tried time.Time
	failed    error
}

func newFetched(rules finetune.TokenRules, now func() time.Time) *fetched {
	f := newFetcher(rules)
	return &fetched{fetch: f.keys, now: now}
}

// find fetches the keys where there are none or they are old, and for a kid that
// they do not have, as a rotation brings it.
func (f *fetched) find(ctx context.Context, kid, algorithm string) (*jose.JSONWebKey, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.age() >= maxAge || !f.keys.have(kid) {
		f.refresh(ctx)
	}
	current := f.keys
	if f.age() >= maxStale {
		current = nil
	}
	if f.failed == nil {
		return current.find(ctx, kid, algorithm)
	}
	if !current.have(kid) { // whether the token is good, nobody can tell
		return nil, "", fmt.Errorf("the issuer's keys cannot be read: %w", f.failed)
	}
	key, _, err := current.find(ctx, kid, algorithm)
	return key, "as of " + f.at.UTC().Format(time.RFC3339) + ", because now they cannot be read: " + f.failed.Error(), err
}

// age is how long ago the keys were fetched.
func (f *fetched) age() time.Duration { return f.now().Sub(f.at) }

// refresh fetches the keys, unless that was tried a moment ago.
func (f *fetched) refresh(ctx context.Context) {
	wait := pause
	if f.keys == nil {
		wait = pauseWithout
	}
	if f.now().Sub(f.tried) < wait {
		return
	}
	f.tried = f.now()
	found, err := f.fetch(ctx)
	f.failed = err
	if err == nil {
		f.keys, f.at = found, f.tried
	}
}
