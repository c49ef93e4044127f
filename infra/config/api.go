package config

import (
	"encoding/json"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Endpoint types of the inference API.
const (
	// EndpointRegional answers on the internet, over TLS.
	EndpointRegional = "regional"
	// EndpointPrivate answers inside the VPC only.
	EndpointPrivate = "private"
)

// Who a caller of the inference API is by.
const (
	// AuthIAM is the AWS signature of the request: what a caller may ask is
	// decided by IAM.
	AuthIAM = "iam"
	// AuthJWT is a bearer token of an OpenID Connect issuer: what a caller may
	// ask is decided by its scopes.
	AuthJWT = "jwt"
)

// API shapes the inference API.
type API struct {
	// Endpoint is regional or private.
	Endpoint string `json:"endpoint"`
	// Auth is iam or jwt; JWT is which tokens are taken, with jwt only.
	Auth string `json:"auth"`
	JWT  JWT    `json:"jwt"`
	// RateLimit and BurstLimit throttle the stage, in requests a second and
	// requests at once.
	RateLimit  int `json:"rateLimit"`
	BurstLimit int `json:"burstLimit"`
	// TimeoutSeconds is how long an answer may take, to its end. API Gateway also
	// ends one in which nothing came for 5 minutes.
	TimeoutSeconds int `json:"timeoutSeconds"`
	// Guardrail is what every question and answer passes.
	Guardrail Guardrail `json:"guardrail"`
	// WAF is the web application firewall before the API.
	WAF WAF `json:"waf"`
	// UsagePlan gives callers keys, and each key a limit of its own.
	UsagePlan UsagePlan `json:"usagePlan"`
	// CreateLogRole sets the role API Gateway logs with, which is one for the
	// whole account and region. False leaves the account's own in place.
	CreateLogRole bool `json:"createLogRole"`
}

// JWT is which bearer tokens the API takes: see [finetune.TokenRules].
type JWT struct {
	Issuer    string   `json:"issuer"`
	Audiences []string `json:"audiences"`
	// JWKSURL or JWKS says where the issuer's keys are; with neither, its
	// discovery document does.
	JWKSURL     string          `json:"jwksUrl"`
	JWKS        json.RawMessage `json:"jwks"`
	ScopePrefix string          `json:"scopePrefix"`
}

// Guardrail is a version of a Bedrock guardrail that somebody made, or none.
type Guardrail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// WAF is the web application firewall before the API; by default there is none.
type WAF struct {
	Enabled bool `json:"enabled"`
	// RateLimit is how many requests an address may send within 5 minutes.
	RateLimit int `json:"rateLimit"`
}

// UsagePlan limits each of the clients. With any, a request needs the API key of
// one beside what Auth wants.
type UsagePlan struct {
	// RequestsPerDay, RateLimit (a second) and BurstLimit (at once) are what one
	// client may send; 0 means no limit but the stage's.
	RequestsPerDay int `json:"requestsPerDay"`
	RateLimit      int `json:"rateLimit"`
	BurstLimit     int `json:"burstLimit"`
	// Clients are the names of those who get a key, at most 50.
	Clients []string `json:"clients"`
}

// defaultAPI is open to whom IAM lets in, and has nothing that costs anything
// while nobody asks.
func defaultAPI() API {
	return API{
		Endpoint: EndpointRegional, Auth: AuthIAM, JWT: defaultJWT(),
		RateLimit: 50, BurstLimit: 100, TimeoutSeconds: 300,
		WAF: WAF{RateLimit: 2000}, UsagePlan: UsagePlan{Clients: []string{}},
		CreateLogRole: true,
	}
}

func defaultJWT() JWT { return JWT{Audiences: []string{}, ScopePrefix: "tuneline/"} }

// TokenRules is the configuration's part that goes to the authorizer.
func (c Config) TokenRules() finetune.TokenRules {
	j := c.API.JWT
	return finetune.TokenRules{Issuer: j.Issuer, Audiences: j.Audiences, JWKSURL: j.JWKSURL, JWKS: j.JWKS, ScopePrefix: j.ScopePrefix}
}

// Guardrail is the configuration's part that goes to the function that asks.
func (c Config) Guardrail() finetune.Guardrail {
	return finetune.Guardrail{ID: c.API.Guardrail.ID, Version: c.API.Guardrail.Version}
}
