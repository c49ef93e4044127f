package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/tuneline/tuneline/internal/finetune"
)

// refusal is why a token is not good, in words for the log.
type refusal struct{ reason string }

func (r refusal) Error() string { return r.reason }

func refuse(reason string) error { return refusal{reason} }

const (
	// maxToken is more than API Gateway lets through in all headers, in bytes
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html).
	maxToken = 20 << 10
	// maxSubject is the longest subject, in bytes.
	maxSubject = 256
	// leeway is how far clocks may be apart.
	leeway = 30 * time.Second
)

// algorithms are those a token may be signed with: a key that verifies with one of
// them cannot sign. Neither "none" is here nor an HMAC, whose key would be one
// that everybody knows, as the issuer's public key is.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// types are the values of typ that an access token has: none, JWT, or RFC 9068's
// own. An issuer's other tokens, such as those of a logout, say what they are. An
// ID token says JWT too, but it has no scopes and so opens nothing.
var types = []string{"", "jwt", "at+jwt", "application/at+jwt"}

// claims is what is read of a token.
type claims struct {
	jwt.Claims
	// ClientID stands in for an audience that is not there, as API Gateway's own
	// authorizer for tokens has it
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html).
	ClientID string `json:"client_id"`
	// Scope (RFC 8693) or SCP, as some issuers name it, is what the token opens.
	Scope words `json:"scope"`
	SCP   words `json:"scp"`
}

// words is a text of words or a list of them.
type words []string

// UnmarshalJSON takes either.
func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = strings.Fields(one)
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

// bearer takes the token out of the header's value.
func bearer(value string) (string, bool) {
	scheme, token, ok := strings.Cut(value, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// read verifies a token and returns what it says, and what the log says of it. Nothing
// of a token is in an error.
func (h handler) read(ctx context.Context, token string) (claims, []any, error) {
	var c claims
	if len(token) > maxToken {
		return c, nil, refuse("the token is longer than any that is taken")
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return c, nil, refuse("the token is no signed JWT, or signed with an algorithm that is not taken")
	}
	header := parsed.Headers[0]
	line := []any{"alg", header.Algorithm}
	if !rightType(header) {
		return c, line, refuse("typ is not that of an access token")
	}
	if header.KeyID == "" {
		return c, line, refuse("the token does not say which key it was signed with (kid)")
	}
	key, note, err := h.keys.find(ctx, header.KeyID, header.Algorithm)
	if note != "" {
		line = append(line, "keys", note)
	}
	if err != nil {
		return c, line, err
	}
	line = append(line, "kid", key.KeyID) // one of the issuer's: a token may name any
	err = parsed.Claims(key, &c)
	if errors.Is(err, jose.ErrCryptoFailure) {
		return c, line, refuse("the signature is wrong")
	}
	if err != nil {
		return c, line, refuse("the claims cannot be read: not as a token has them, or one of them twice")
	}
	return c, line, h.check(c)
}

func rightType(header jose.Header) bool {
	value, given := header.ExtraHeaders[jose.HeaderType]
	text, isText := value.(string)
	return (!given || isText) && slices.Contains(types, strings.ToLower(text))
}

// check holds the claims against the rules.
func (h handler) check(c claims) error {
	if len(c.Audience) == 0 && c.ClientID != "" {
		c.Audience = jwt.Audience{c.ClientID}
	}
	if c.Expiry == nil {
		return refuse("the token never expires (exp)")
	}
	if c.Subject == "" || len(c.Subject) > maxSubject {
		return refuse("the token does not say whose it is (sub), or at too great length")
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: h.rules.Issuer, AnyAudience: h.rules.Audiences, Time: h.now()}, leeway)
	for known, reason := range map[error]string{
		jwt.ErrInvalidIssuer: "another issuer (iss)", jwt.ErrInvalidAudience: "another audience (aud)",
		jwt.ErrExpired: "expired (exp)", jwt.ErrNotValidYet: "not valid yet (nbf)", jwt.ErrIssuedInTheFuture: "issued in the future (iat)",
	} {
		if errors.Is(err, known) {
			return refuse(reason)
		}
	}
	return err
}

// models are those the scopes name, each once and in order, or [finetune.EveryModel]
// alone. A scope that is about something else is none of ours.
func (c claims) models(prefix string) []string {
	scopes := c.Scope
	if len(scopes) == 0 {
		scopes = c.SCP
	}
	var models []string
	for _, scope := range scopes {
		name, ours := strings.CutPrefix(scope, prefix)
		switch {
		case !ours:
		case name == finetune.EveryModel:
			return []string{finetune.EveryModel}
		case finetune.CheckModelName(name) == nil:
			models = append(models, name)
		}
	}
	slices.Sort(models)
	return slices.Compact(models)
}
