package config

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
)

// The bounds of what the API is given.
const (
	// minTimeout is somewhat more than the 29 seconds of an API without
	// streaming, maxTimeout the longest that API Gateway streams, and that a
	// function runs
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html).
	minTimeout, maxTimeout = 30, 900
	// minAddressRate is AWS WAF's, for the seconds of addressWindow
	// (https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html).
	minAddressRate, addressWindow = 10, 300
	maxRequestsPerDay             = 1_000_000_000
	maxClients                    = 50
	maxAudiences                  = 10
	// maxRules keeps the rules within the 4 KB that all of a function's
	// environment variables may have
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	maxRules = 3500
)

var (
	// A guardrail's patterns are those of the API
	// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailConfiguration.html).
	guardrailID      = regexp.MustCompile(`^([a-z0-9]{1,64}|arn:aws:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]{1,64})$`)
	guardrailVersion = regexp.MustCompile(`^([1-9][0-9]{0,7}|DRAFT)$`)
	clientName       = regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9]){0,39}$`)
	// A scope's characters (https://www.rfc-editor.org/rfc/rfc6749#section-3.3).
	scopePrefix = regexp.MustCompile(`^[!#-\[\]-~]{1,64}$`)
	audience    = regexp.MustCompile(`^[!-~]{1,256}$`)
)

func (c Config) checkAPI() []error {
	a := c.API
	return slices.Concat([]error{
		oneOf("api.endpoint", a.Endpoint, EndpointRegional, EndpointPrivate),
		oneOf("api.auth", a.Auth, AuthIAM, AuthJWT),
		within("api.rateLimit", a.RateLimit, 1, 10_000),
		within("api.burstLimit", a.BurstLimit, 1, 5_000),
		within("api.timeoutSeconds", a.TimeoutSeconds, minTimeout, maxTimeout),
	}, c.checkJWT(), c.checkGuardrail(), a.WAF.check(a), a.UsagePlan.check(a))
}

// checkJWT wants rules where tokens are taken, and none where they would be
// dropped in silence.
func (c Config) checkJWT() []error {
	j := c.API.JWT
	if c.API.Auth != AuthJWT {
		if !reflect.DeepEqual(j, defaultJWT()) {
			return []error{fmt.Errorf("api.jwt is set with api.auth %q: set api.auth to %s, or leave api.jwt out", c.API.Auth, AuthJWT)}
		}
		return nil
	}
	errs := []error{
		place("api.jwt.issuer", j.Issuer, "the issuer of the tokens, exactly as they name it in iss, such as https://login.example.com/"),
		within("the number of api.jwt.audiences", len(j.Audiences), 1, maxAudiences),
		matches("api.jwt.scopePrefix", j.ScopePrefix, scopePrefix, "1 to 64 characters of a scope, such as tuneline/"),
	}
	for i, value := range j.Audiences {
		errs = append(errs, matches("api.jwt.audiences", value, audience, "values of aud, each 1 to 256 visible characters"))
		if slices.Contains(j.Audiences[:i], value) {
			errs = append(errs, fmt.Errorf("api.jwt.audiences holds %q twice: want each once", value))
		}
	}
	if j.JWKSURL != "" {
		errs = append(errs, place("api.jwt.jwksUrl", j.JWKSURL, "where the issuer publishes its keys"))
	}
	if j.JWKSURL != "" && j.JWKS != nil {
		errs = append(errs, fmt.Errorf("api.jwt.jwksUrl is %q and api.jwt.jwks is given too: want one of them, or neither for what the issuer's discovery document says", j.JWKSURL))
	}
	return append(errs, checkJWKS(j.JWKS), checkSize(c.TokenRules()))
}

// place checks an address that tokens or keys come from. Over plain HTTP,
// whoever is on the way could be the issuer; a rehearsal's is on this machine.
func place(key, value, what string) error {
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())) {
		return nil
	}
	return fmt.Errorf("%s is %q: want %s: an https URL without user, query or fragment", key, value, what)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// checkJWKS wants a set of public keys, each with an id of its own. That they
// verify anything, the authorizer finds out when it starts.
func checkJWKS(text json.RawMessage) error {
	if text == nil {
		return nil
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 {
		return fmt.Errorf("api.jwt.jwks is %s: want an object with a list of keys, as the issuer publishes it", start(text))
	}
	seen := map[string]bool{}
	for _, key := range set.Keys {
		kid, _ := key["kid"].(string)
		if kid == "" || seen[kid] {
			return fmt.Errorf("api.jwt.jwks holds a key with kid %q: want a kid for each, and each once", kid)
		}
		seen[kid] = true
		kind, _ := key["kty"].(string)
		if !slices.Contains([]string{"RSA", "EC", "OKP"}, kind) || key["d"] != nil || key["k"] != nil {
			return fmt.Errorf("api.jwt.jwks holds the key %s of kty %q: want public keys of kty RSA, EC or OKP, without private members", kid, kind)
		}
	}
	return nil
}

// start is the beginning of what was configured.
func start(text []byte) string {
	const shown = 60
	if len(text) > shown {
		return strings.ToValidUTF8(string(text[:shown]), "") + "..."
	}
	return string(text)
}

func checkSize(rules finetune.TokenRules) error {
	text, err := json.Marshal(rules)
	if err == nil && len(text) > maxRules {
		return fmt.Errorf("api.jwt has %d characters: at most %d fit into a function's environment; leave certificates (x5c) and keys that are not used out of jwks, or give jwksUrl", len(text), maxRules)
	}
	return err
}

func (c Config) checkGuardrail() []error {
	g := c.API.Guardrail
	if g == (Guardrail{}) {
		return nil
	}
	errs := []error{
		matches("api.guardrail.id", g.ID, guardrailID, "the id or the ARN of a guardrail, such as gr1a2b3c4d5e"),
		matches("api.guardrail.version", g.Version, guardrailVersion, "the number of a version, or DRAFT"),
	}
	if parts := strings.Split(g.ID, ":"); len(parts) > 3 && parts[3] != c.Region {
		errs = append(errs, fmt.Errorf("api.guardrail.id is %q: want a guardrail of region %s, where the models are", g.ID, c.Region))
	}
	return errs
}

func (w WAF) check(a API) []error {
	switch {
	case !w.Enabled && w != defaultAPI().WAF:
		return []error{fmt.Errorf("api.waf.rateLimit is %d without api.waf.enabled: set that to true, or leave api.waf out", w.RateLimit)}
	case !w.Enabled:
		return nil
	}
	// Beyond what the stage lets through, an address is limited by nothing.
	return []error{within("api.waf.rateLimit", w.RateLimit, minAddressRate, max(minAddressRate, a.RateLimit*addressWindow))}
}

func (u UsagePlan) check(a API) []error {
	if len(u.Clients) == 0 && !reflect.DeepEqual(u, defaultAPI().UsagePlan) {
		return []error{fmt.Errorf("api.usagePlan limits nobody: name its clients in api.usagePlan.clients, or leave api.usagePlan out")}
	}
	errs := []error{
		within("api.usagePlan.requestsPerDay", u.RequestsPerDay, 0, maxRequestsPerDay),
		within("api.usagePlan.rateLimit", u.RateLimit, 0, a.RateLimit),
		within("api.usagePlan.burstLimit", u.BurstLimit, 0, a.BurstLimit),
		within("the number of api.usagePlan.clients", len(u.Clients), 0, maxClients),
	}
	if (u.RateLimit == 0) != (u.BurstLimit == 0) {
		errs = append(errs, fmt.Errorf("api.usagePlan.rateLimit is %d and api.usagePlan.burstLimit is %d: want both, or neither", u.RateLimit, u.BurstLimit))
	}
	for i, name := range u.Clients {
		errs = append(errs, matches("api.usagePlan.clients", name, clientName, "names of 1 to 40 letters, digits and single hyphens"))
		if slices.Contains(u.Clients[:i], name) {
			errs = append(errs, fmt.Errorf("api.usagePlan.clients holds %q twice: want each once", name))
		}
	}
	return errs
}
