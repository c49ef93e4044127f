package finetune

import "encoding/json"

// Guardrail is the Bedrock guardrail that every question and answer of the
// inference API passes; the zero value is none.
type Guardrail struct {
	// ID is its identifier or its ARN, as Converse's guardrailIdentifier takes it.
	ID string `json:"id,omitempty"`
	// Version is the number of a version, or DRAFT.
	Version string `json:"version,omitempty"`
}

// TokenRules is what a bearer token (RFC 7519) must be like for the inference
// API to let its holder in. With neither JWKSURL nor JWKS, the issuer's discovery
// document says where its keys are.
type TokenRules struct {
	// Issuer is the value of iss, to the letter.
	Issuer string `json:"issuer"`
	// Audiences are the values of aud, any of which will do.
	Audiences []string `json:"audiences"`
	// JWKSURL is where the issuer publishes its keys.
	JWKSURL string `json:"jwksUrl,omitempty"`
	// JWKS is the keys themselves (RFC 7517), which are then never fetched.
	JWKS json.RawMessage `json:"jwks,omitempty"`
	// ScopePrefix stands before a model's name, or before * for all models, in
	// the scopes that let a token's holder ask it.
	ScopePrefix string `json:"scopePrefix"`
}

// EveryModel stands for all models, in a scope after TokenRules.ScopePrefix and in
// what the authorizer says of a caller.
const EveryModel = "*"
