package apigateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// event is the input of a Lambda proxy integration, in the order and with the
// nulls of the documented example.
type event struct {
	Resource                        string              `json:"resource"`
	Path                            string              `json:"path"`
	HTTPMethod                      string              `json:"httpMethod"`
	Headers                         map[string]string   `json:"headers"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters                  map[string]string   `json:"pathParameters"`
	StageVariables                  map[string]string   `json:"stageVariables"`
	RequestContext                  requestContext      `json:"requestContext"`
	Body                            *string             `json:"body"`
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
}

type requestContext struct {
	ResourceID        string   `json:"resourceId"`
	ResourcePath      string   `json:"resourcePath"`
	HTTPMethod        string   `json:"httpMethod"`
	ExtendedRequestID string   `json:"extendedRequestId"`
	RequestTime       string   `json:"requestTime"`
	Path              string   `json:"path"`
	AccountID         string   `json:"accountId"`
	Protocol          string   `json:"protocol"`
	Stage             string   `json:"stage"`
	DomainPrefix      string   `json:"domainPrefix"`
	RequestTimeEpoch  int64    `json:"requestTimeEpoch"`
	RequestID         string   `json:"requestId"`
	Identity          identity `json:"identity"`
	DomainName        string   `json:"domainName"`
	APIID             string   `json:"apiId"`
	// Authorizer is there only behind one.
	Authorizer map[string]any `json:"authorizer,omitempty"`
}

// identity has a null for what the authorization does not tell.
type identity struct {
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	AccountID                     *string `json:"accountId"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	Caller                        *string `json:"caller"`
	SourceIP                      string  `json:"sourceIp"`
	PrincipalOrgID                *string `json:"principalOrgId"`
	AccessKey                     *string `json:"accessKey"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	UserARN                       *string `json:"userArn"`
	UserAgent                     string  `json:"userAgent"`
	User                          *string `json:"user"`
	// A client's key is there only where one is required.
	APIKey   string `json:"apiKey,omitempty"`
	APIKeyID string `json:"apiKeyId,omitempty"`
}

// event builds the function's input.
func (h *handler) event(q *request) ([]byte, error) {
	rt := q.match.method
	e := event{
		Resource: rt.resourcePath, Path: strings.TrimPrefix(q.path, "/"+h.o.API.Stage.Name), HTTPMethod: q.Method,
		MultiValueHeaders: h.headers(q), RequestContext: h.context(q),
	}
	if e.Path == "" {
		e.Path = "/"
	}
	e.Headers = lastValues(e.MultiValueHeaders)
	if query := q.URL.Query(); len(query) > 0 {
		e.MultiValueQueryStringParameters = query
		e.QueryStringParameters = lastValues(query)
	}
	if len(q.match.parameters) > 0 {
		e.PathParameters = q.match.parameters
	}
	if len(h.o.API.Stage.Variables) > 0 {
		e.StageVariables = h.o.API.Stage.Variables
	}
	if len(q.body) > 0 {
		text := string(q.body)
		if matchesBinary(h.o.API.BinaryMediaTypes, q.mediaType()) {
			text, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(q.body), true
		}
		e.Body = &text
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding the event: %w", err)
	}
	return raw, nil
}

// droppedRequestHeaders do not reach a Lambda function ("Important notes").
// Authorization is handled apart.
var droppedRequestHeaders = []string{
	"Connection", "Content-Md5", "Expect", "Max-Forwards", "Proxy-Authenticate", "Server", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Www-Authenticate",
}

// headers are the request's as the function sees them. API Gateway keeps the
// spelling of a name; net/http has made it canonical here.
func (h *handler) headers(q *request) map[string][]string {
	headers := map[string][]string{}
	for name, values := range q.Header {
		if !slices.Contains(droppedRequestHeaders, name) {
			headers[name] = values
		}
	}
	signed := strings.HasPrefix(q.Header.Get("Authorization"), "AWS4-HMAC-SHA256")
	if signed || q.match.method.AuthorizationType == authIAM {
		delete(headers, "Authorization")
	}
	headers["Host"] = []string{q.Host}
	forwarded := slices.Clone(q.Header.Values("X-Forwarded-For"))
	headers["X-Forwarded-For"] = []string{strings.Join(append(forwarded, q.sourceIP()), ", ")}
	headers["X-Forwarded-Port"] = []string{"443"}
	headers["X-Forwarded-Proto"] = []string{"https"}
	headers["X-Amzn-Trace-Id"] = []string{q.ids.trace}
	return headers
}

// lastValues is how the single-valued maps show a repeated name.
func lastValues(multi map[string][]string) map[string]string {
	single := make(map[string]string, len(multi))
	for name, values := range multi {
		single[name] = values[len(values)-1]
	}
	return single
}

func (h *handler) context(q *request) requestContext {
	return requestContext{
		ResourceID: q.match.method.resourceID, ResourcePath: q.match.method.resourcePath, HTTPMethod: q.Method,
		ExtendedRequestID: q.ids.extended, RequestTime: q.time.Format("02/Jan/2006:15:04:05 -0700"),
		RequestTimeEpoch: q.time.UnixMilli(), Path: q.path, AccountID: h.o.AccountID, Protocol: q.Proto,
		Stage: h.o.API.Stage.Name, DomainPrefix: h.o.API.ID, RequestID: q.ids.request, APIID: h.o.API.ID,
		DomainName: h.o.API.ID + ".execute-api." + h.o.Region + "." + h.o.URLSuffix,
		Identity:   h.identity(q), Authorizer: q.authorizer,
	}
}

// credential finds the access key id in an Authorization header.
var credential = regexp.MustCompile(`Credential=([^/,\s]+)/`)

func (h *handler) identity(q *request) identity {
	who := identity{SourceIP: q.sourceIP(), UserAgent: q.UserAgent()}
	if q.key != nil {
		who.APIKey, who.APIKeyID = q.key.Value, q.key.ID
	}
	arn := q.call.Principal.ARN
	if arn == "" {
		return who
	}
	caller := callerID(arn)
	who.AccountID, who.UserARN, who.Caller, who.User = &h.o.AccountID, &arn, &caller, &caller
	if m := credential.FindStringSubmatch(q.Header.Get("Authorization")); m != nil {
		who.AccessKey = &m[1]
	}
	return who
}

// callerID is the unique id of the caller's role and the session name, as
// AWS's identity.caller; the role's id is invented from its ARN.
func callerID(arn string) string {
	role, session := arn, "session"
	if parts := strings.Split(arn, "/"); len(parts) == 3 && strings.Contains(arn, ":assumed-role/") {
		role, session = parts[0]+"/"+parts[1], parts[2]
	}
	sum := sha256.Sum256([]byte(role))
	return "AROA" + base32.StdEncoding.EncodeToString(sum[:])[:17] + ":" + session
}

// requestIDs name one request in its answer's headers and its event.
type requestIDs struct{ request, extended, trace string }

func newIDs() requestIDs {
	b := make([]byte, 39)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on a supported platform
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return requestIDs{
		request:  h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32],
		extended: base64.StdEncoding.EncodeToString(b[16:27]),
		trace:    "Root=1-" + h[54:62] + "-" + h[:24],
	}
}

// set puts the ids into an answer's headers.
func (ids requestIDs) set(header http.Header) {
	header.Set("X-Amzn-Requestid", ids.request)
	header.Set("X-Amz-Apigw-Id", ids.extended)
	header.Set("X-Amzn-Trace-Id", ids.trace)
}
