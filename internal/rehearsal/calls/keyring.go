package calls

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// Credentials are a set of temporary credentials, as an execution role's
// environment carries them.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// Keyring issues credentials to principals and verifies Signature Version 4
// with them. The zero value is ready to use; it is safe for concurrent use.
type Keyring struct {
	// Region, when set before first use, is the only region a signature may
	// be scoped to; AWS refuses a request signed for another one.
	Region string

	mu   sync.Mutex
	keys map[string]issued
}

type issued struct {
	credentials Credentials
	principal   Principal
	expired     bool
}

// Issue makes new temporary credentials for p.
func (k *Keyring) Issue(p Principal) Credentials {
	c := Credentials{
		AccessKeyID:     "ASIA" + randomHex(8),
		SecretAccessKey: randomHex(20),
		SessionToken:    randomHex(24),
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]issued{}
	}
	k.keys[c.AccessKeyID] = issued{credentials: c, principal: p}
	return c
}

// Expire ends the life of issued credentials: from now on Verify answers
// ErrTokenExpired for them, as AWS does when a session is over.
func (k *Keyring) Expire(accessKeyID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.keys[accessKeyID]; ok {
		key.expired = true
		k.keys[accessKeyID] = key
	}
}

// Verify checks r's Signature Version 4 for the service ("bedrock", "s3",
// "kms", "states", "execute-api") and returns who signed it. It takes the
// Authorization header and, for S3 only, the presigned query form, and follows
// "Create a signed AWS API request" in the IAM User Guide. Dates are held
// against the real clock, because that is what clients sign with.
//
// A signed body hash is checked too. For S3 the body is not held in memory:
// r.Body is replaced by a reader that fails with ErrBodyHash at its end when
// the bytes are not the signed ones, so nothing may take effect before the
// body has been read to the end. For every other service the body is read here
// and put back. Bodies with a STREAMING- hash are left as they came; see
// ChunkSigner.
//
// The error is ErrUnsigned or an *AuthError that wraps one of the Err values
// of this package.
func (k *Keyring) Verify(r *http.Request, service string) (Principal, error) {
	sig, err := parseSignature(r)
	if err != nil {
		return Principal{}, err
	}
	key, err := k.find(sig)
	if err != nil {
		return Principal{}, err
	}
	if err := sig.checkScope(r, service, k.Region); err != nil {
		return Principal{}, err
	}
	if err := sig.checkTime(time.Now()); err != nil {
		return Principal{}, err
	}
	payload, err := payloadHash(r, sig, service)
	if err != nil {
		return Principal{}, err
	}
	if !sig.matches(r, key.credentials.SecretAccessKey, payload) {
		return Principal{}, refuse(ErrSignature, "the request signature we calculated does not match the signature you provided")
	}
	if err := checkBody(r, service, payload); err != nil {
		return Principal{}, err
	}
	return key.principal, nil
}

// find returns the key sig was made with, after checking its session token.
func (k *Keyring) find(sig signature) (issued, error) {
	k.mu.Lock()
	key, ok := k.keys[sig.accessKeyID]
	k.mu.Unlock()
	if !ok {
		return issued{}, refuse(ErrUnknownKey, "the access key id %q does not exist in our records", sig.accessKeyID)
	}
	if !equal(sig.token, key.credentials.SessionToken) {
		return issued{}, refuse(ErrToken, "the security token included in the request is invalid")
	}
	if key.expired {
		return issued{}, refuse(ErrTokenExpired, "the security token included in the request is expired")
	}
	return key, nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on a supported platform
	}
	return hex.EncodeToString(b)
}
