package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth/bearer"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/spf13/cobra"
)

// apiFlags say where the inference API is.
type apiFlags struct{ api, stack, region string }

// register adds the flags to a command.
func (f *apiFlags) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.api, "api", os.Getenv("TUNELINE_API_URL"), "the API's address, the stack's output ApiEndpoint (or TUNELINE_API_URL; default: read from the stack)")
	flags.StringVar(&f.stack, "stack", "tuneline", "the stack's name")
	flags.StringVar(&f.region, "region", "", "the stack's Region (default: the one in --api, or that of the AWS configuration)")
}

// askWhence is what the help of the commands says that ask the API.
const askWhence = `The API is found by the stack's outputs, or named with --api, which needs no
permission to read the stack. Credentials are the ones of the environment: those
of a role that may ask the model (execute-api:Invoke), such as the operator's. Of
an API that takes bearer tokens, TUNELINE_TOKEN holds one; of one with a usage
plan, TUNELINE_API_KEY a client's key.`

// inferenceAPI is a stack's API, and who asks it.
type inferenceAPI struct {
	// url is its address, stage included, without a slash at the end.
	url *url.URL
	// cfg has credentials that work, unless token is set.
	cfg aws.Config
	// token is a bearer token, for an API that takes those; key a client's of a
	// usage plan.
	token, key string
}

// inStack is the API's host, as API Gateway names it.
var inStack = regexp.MustCompile(`\.execute-api\.([a-z0-9-]+)\.amazonaws\.com$`)

// find finds the API, and credentials to ask it with.
func (f apiFlags) find(ctx context.Context) (inferenceAPI, error) {
	found := inferenceAPI{token: os.Getenv("TUNELINE_TOKEN"), key: os.Getenv("TUNELINE_API_KEY")}
	region := f.region
	if f.api != "" {
		var err error
		if found.url, err = apiURL(f.api); err != nil {
			return found, fmt.Errorf("--api: %w", err)
		}
		if in := inStack.FindStringSubmatch(found.url.Hostname()); region == "" && in != nil {
			region = in[1]
		}
		if found.token != "" { // nothing is signed
			found.cfg.Region = cmp.Or(region, "us-east-1")
			return found, nil
		}
	}
	var err error
	if found.cfg, err = awsConfig(ctx, region); err != nil || f.api != "" {
		return found, err
	}
	found.url, err = f.ofStack(ctx, found.cfg)
	return found, err
}

// ofStack reads the address from the stack's outputs.
func (f apiFlags) ofStack(ctx context.Context, cfg aws.Config) (*url.URL, error) {
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &f.stack})
	if err != nil {
		return nil, fmt.Errorf("reading the outputs of stack %s in %s: %w: name the API with --api, which needs no permission to read the stack, or another --stack or --region", f.stack, cfg.Region, err)
	}
	outputs := map[string]string{}
	for _, s := range out.Stacks {
		for _, output := range s.Outputs {
			outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	address := cmp.Or(outputs["ApiEndpoint"], outputs["ApiUrl"])
	if address == "" {
		return nil, fmt.Errorf("stack %s in %s has no output ApiEndpoint: name tuneline's stack with --stack, or the API with --api", f.stack, cfg.Region)
	}
	return apiURL(address)
}

// apiURL reads an API's address. Everything from the model on is left out, so
// that the address of any route will do.
func apiURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("this is no address of an API: it is the stack's output ApiEndpoint, such as https://a1b2c3.execute-api.us-east-1.amazonaws.com/live")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("this must begin with https: only a rehearsal, on this machine, is asked over http")
	}
	path, _, _ := strings.Cut(u.Path+"/", "/model/")
	path, _, _ = strings.Cut(path+"/", "/models/")
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(path, "/")}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// client is a client of Bedrock's runtime that asks the API instead: signed for
// execute-api, or with the token.
func (a inferenceAPI) client() *bedrockruntime.Client {
	return bedrockruntime.NewFromConfig(a.cfg, bedrockruntime.WithSigV4SigningName("execute-api"), func(o *bedrockruntime.Options) {
		o.BaseEndpoint = aws.String(a.url.String())
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(notOverdue)}, s.Retryables...)
		})
		// Whatever AWS_BEARER_TOKEN_BEDROCK says, which is for Bedrock itself.
		o.AuthSchemePreference = []string{"sigv4"}
		if a.token != "" {
			o.AuthSchemePreference = []string{"httpBearerAuth"}
			o.BearerAuthTokenProvider = bearer.StaticTokenProvider{Token: bearer.Token{Value: a.token}}
			o.BearerAuthSigner = tokenSigner{}
		}
		if a.key != "" {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Api-Key", a.key))
		}
	})
}

// notOverdue has a question whose time was up not asked again, as the SDK would:
// its time would be up again, and each is paid for.
func notOverdue(err error) aws.Ternary {
	var answered *smithyhttp.ResponseError
	if errors.As(err, &answered) && answered.HTTPStatusCode() == http.StatusGatewayTimeout {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// tokenSigner puts a token on a request. The SDK's own does so over TLS only, and
// a rehearsal is without; apiURL has seen to it that nothing else is.
type tokenSigner struct{}

// SignWithBearerToken implements bearer.Signer.
func (tokenSigner) SignWithBearerToken(_ context.Context, token bearer.Token, message bearer.Message) (bearer.Message, error) {
	request, ok := message.(*smithyhttp.Request)
	if !ok {
		return nil, fmt.Errorf("setting the token: unknown transport %T", message)
	}
	signed := request.Clone()
	signed.Header.Set("Authorization", "Bearer "+token.Value)
	return signed, nil
}

// getTime is how long a question about what is served may take.
const getTime = 30 * time.Second

// get asks one of the API's own routes, such as /models, and returns the status
// and what it says.
func (a inferenceAPI) get(ctx context.Context, path string) (status int, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, getTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url.String()+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("asking the API: %w", err)
	}
	if a.key != "" {
		request.Header.Set("X-Api-Key", a.key)
	}
	if err := a.authorize(ctx, request); err != nil {
		return 0, nil, err
	}
	response, err := directly.Do(request)
	if err != nil {
		return 0, nil, a.unreachable(err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err = io.ReadAll(io.LimitReader(response.Body, 10<<20))
	if err != nil {
		return 0, nil, a.unreachable(err)
	}
	return response.StatusCode, text, nil
}

// directly asks the API itself: what is signed, or has a token, follows no redirect.
var directly = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: getTime, IdleConnTimeout: time.Minute},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// authorize signs a request without a body, or puts the token on it.
func (a inferenceAPI) authorize(ctx context.Context, request *http.Request) error {
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
		return nil
	}
	credentials, err := a.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("there are no AWS credentials any more: %w", err)
	}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, noBody, "execute-api", a.cfg.Region, time.Now()); err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	return nil
}

// noBody is the SHA-256 of nothing, in hexadecimal.
const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// unreachable says of an error of the network what may be the matter.
func (a inferenceAPI) unreachable(err error) error {
	return fmt.Errorf("the API at %s could not be reached; a private one (api.endpoint) answers inside its VPC only: %w", a.url.Host, err)
}

// servedModel is what the API says of a model.
type servedModel struct {
	Model     string `json:"model"`
	BaseModel string `json:"baseModel"`
	Run       string `json:"run"`
}

// model asks the API what serves a model.
func (a inferenceAPI) model(ctx context.Context, name string) (servedModel, error) {
	var found servedModel
	status, text, err := a.get(ctx, "/models/"+url.PathEscape(name))
	if err != nil {
		return found, err
	}
	if status != http.StatusOK {
		return found, a.explain(name, status, said(text))
	}
	if err := json.Unmarshal(text, &found); err != nil || found.BaseModel == "" {
		return found, fmt.Errorf("the API's word on model %s cannot be read: is --api a tuneline's of another version?", name)
	}
	return found, nil
}

// said is the message of an answer that is an error.
func said(text []byte) string {
	var told struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(text, &told); err != nil || told.Message == "" {
		return "it gives no reason"
	}
	return told.Message
}

// explain says what the API's refusal means, and what to do.
func (a inferenceAPI) explain(model string, status int, message string) error {
	err := fmt.Errorf("the API answers %d: %s", status, message)
	switch {
	case status == http.StatusUnauthorized && a.token == "":
		return fmt.Errorf("%w: this API takes bearer tokens: set TUNELINE_TOKEN to one", err)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w: TUNELINE_TOKEN is no token that this API takes, or has expired: get a new one of its issuer", err)
	case status == http.StatusForbidden && a.token != "":
		return fmt.Errorf("%w: the token must have the scope of model %s; of an API that takes signatures (api.auth iam), unset TUNELINE_TOKEN", err, model)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: the credentials must be allowed execute-api:Invoke for model %s and be of the API's own account, and --region its Region; this was signed for %s", err, model, a.cfg.Region)
	case status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: a question may have 6 MB with all that goes with it", err)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: ask again in a while", err)
	case status == http.StatusGatewayTimeout:
		return fmt.Errorf("%w: ask for fewer tokens with --max-tokens, or with --stream", err)
	}
	return err
}

// asCaller explains an error of a call of Converse.
func (a inferenceAPI) asCaller(model string, err error) error {
	var answered *smithyhttp.ResponseError
	var refusal smithy.APIError
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted before the answer's end")
	case errors.As(err, &answered) && errors.As(err, &refusal):
		return a.explain(model, answered.HTTPStatusCode(), refusal.ErrorMessage())
	case errors.As(err, &refusal): // in the middle of a stream
		return fmt.Errorf("the answer broke off: %s: %s: ask again", refusal.ErrorCode(), refusal.ErrorMessage())
	case errors.As(err, &unsent):
		return a.unreachable(unsent.Err)
	}
	return err
}
