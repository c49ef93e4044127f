package calls_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	bedrocktypes "github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

const region = "us-east-1"

var submit = calls.Principal{Role: "SubmitRole", ARN: "arn:aws:sts::111122223333:assumed-role/submit/x", InVPC: true}

// endpoint is an httptest server that verifies every request for a service and
// keeps the last request, its body and the verdict.
type endpoint struct {
	*httptest.Server
	ring    calls.Keyring
	config  aws.Config
	request *http.Request
	body    []byte
	signer  calls.Principal
	err     error
}

func newEndpoint(t *testing.T, service string) *endpoint {
	t.Helper()
	e := &endpoint{ring: calls.Keyring{Region: region}}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.signer, e.err = e.ring.Verify(r, service)
		if e.err == nil {
			e.body, e.err = io.ReadAll(r.Body)
		}
		e.request = r
		if e.err != nil {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(e.Close)
	c := e.ring.Issue(submit)
	e.config = aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(e.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
	return e
}

// Ensure what the real SDK clients sign is accepted and attributed, whatever
// is in path, query or body.
func TestKeyring_VerifySDKClients(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name, service string
		call          func(aws.Config)
	}{
		{"s3 put", "s3", func(c aws.Config) {
			_, _ = s3.NewFromConfig(c).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("data"),
				Key: aws.String("a b/c=d+é~(1)'.jsonl"), Body: strings.NewReader("{}"), IfNoneMatch: aws.String("*")})
		}},
		{"s3 list", "s3", func(c aws.Config) {
			_, _ = s3.NewFromConfig(c).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("data"),
				Prefix: aws.String("a b+c/=é&x"), Delimiter: aws.String("/")})
		}},
		{"bedrock get with an ARN in the path", "bedrock", func(c aws.Config) {
			_, _ = bedrock.NewFromConfig(c).GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{
				JobIdentifier: aws.String("arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-micro-v1:0:128k/abc")})
		}},
		{"bedrock post", "bedrock", func(c aws.Config) {
			_, _ = bedrock.NewFromConfig(c).CreateModelCustomizationJob(ctx, &bedrock.CreateModelCustomizationJobInput{
				JobName: aws.String("j"), CustomModelName: aws.String("m"), RoleArn: aws.String("arn:aws:iam::111122223333:role/r"),
				BaseModelIdentifier: aws.String("b"),
				TrainingDataConfig:  &bedrocktypes.TrainingDataConfig{S3Uri: aws.String("s3://data/train.jsonl")},
				OutputDataConfig:    &bedrocktypes.OutputDataConfig{S3Uri: aws.String("s3://data/out")}})
		}},
		{"bedrock-runtime", "bedrock", func(c aws.Config) {
			_, _ = bedrockruntime.NewFromConfig(c).Converse(ctx, &bedrockruntime.ConverseInput{
				ModelId: aws.String("arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/a1:b"),
				Messages: []types.Message{{Role: types.ConversationRoleUser,
					Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "é"}}}}})
		}},
		{"kms", "kms", func(c aws.Config) {
			_, _ = kms.NewFromConfig(c).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/x")})
		}},
		{"sfn", "states", func(c aws.Config) {
			_, _ = sfn.NewFromConfig(c).DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String("arn")})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := newEndpoint(t, tc.service)
			tc.call(e.config)
			if e.request == nil {
				t.Fatal("the server got no request")
			}
			if e.err != nil || e.signer != submit {
				t.Errorf("got %+v, %v, want the submit role", e.signer, e.err)
			}
			if e.request.Method != http.MethodGet && len(e.body) == 0 {
				t.Error("the body was not put back")
			}
		})
	}
}

// Ensure whatever is changed after signing is found out.
func TestKeyring_VerifyTampered(t *testing.T) {
	for _, service := range []string{"s3", "kms"} {
		for _, tc := range []struct {
			name   string
			change func(*http.Request)
			want   error
		}{
			{"nothing", func(*http.Request) {}, nil},
			{"header", func(r *http.Request) { r.Header.Set("X-Amz-Target", "other") }, calls.ErrSignature},
			{"unsigned header", func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public-read") }, calls.ErrUnsignedHeader},
			{"path", func(r *http.Request) { r.URL.Path += "x" }, calls.ErrSignature},
			{"query", func(r *http.Request) { r.URL.RawQuery = "versionId=2" }, calls.ErrSignature},
			{"method", func(r *http.Request) { r.Method = http.MethodPost }, calls.ErrSignature},
			{"host", func(r *http.Request) { r.Host = "elsewhere" }, calls.ErrSignature},
			{"body", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("bodY")) }, calls.ErrBodyHash},
			{"date", func(r *http.Request) {
				r.Header.Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
			}, calls.ErrSignature},
			{"no token", func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, calls.ErrToken},
			{"other token", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, calls.ErrToken},
			{"no signature", func(r *http.Request) { r.Header.Del("Authorization") }, calls.ErrUnsigned},
			{"basic auth", func(r *http.Request) { r.SetBasicAuth("a", "b") }, calls.ErrMalformed},
		} {
			t.Run(service+" "+tc.name, func(t *testing.T) {
				ring := &calls.Keyring{}
				r := signed(t, ring.Issue(submit), service, time.Now())
				tc.change(r)
				want := tc.want
				if service != "s3" && tc.name == "body" {
					want = calls.ErrSignature // only S3 signs the hash the client claims
				}
				if got := verdict(ring, r, service); !errors.Is(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		}
	}
}

// Ensure credentials, scope and time are checked.
func TestKeyring_VerifyCredentials(t *testing.T) {
	ring := &calls.Keyring{Region: "eu-west-1"}
	c := ring.Issue(submit)
	for _, tc := range []struct {
		name string
		with calls.Credentials
		at   time.Time
		ring *calls.Keyring
		as   string
		want error
	}{
		{"unknown key", calls.Credentials{AccessKeyID: "AKIAX", SecretAccessKey: "s"}, time.Now(), ring, "kms", calls.ErrUnknownKey},
		{"other region", c, time.Now(), ring, "kms", calls.ErrScope},
		{"other service", c, time.Now(), ring, "states", calls.ErrScope},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := verdict(tc.ring, signed(t, tc.with, "kms", tc.at), tc.as); !errors.Is(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	anywhere := &calls.Keyring{}
	c = anywhere.Issue(submit)
	for _, off := range []time.Duration{-16 * time.Minute, 16 * time.Minute} {
		if got := verdict(anywhere, signed(t, c, "kms", time.Now().Add(off)), "kms"); !errors.Is(got, calls.ErrSkewed) {
			t.Errorf("signed %v off: got %v, want %v", off, got, calls.ErrSkewed)
		}
	}
	if got := verdict(anywhere, signed(t, c, "kms", time.Now().Add(-14*time.Minute)), "kms"); got != nil {
		t.Errorf("signed 14 minutes ago: got %v, want no error", got)
	}
	wrong := c
	wrong.SecretAccessKey += "x"
	if got := verdict(anywhere, signed(t, wrong, "kms", time.Now()), "kms"); !errors.Is(got, calls.ErrSignature) {
		t.Errorf("wrong secret: got %v, want %v", got, calls.ErrSignature)
	}
	anywhere.Expire(c.AccessKeyID)
	if got := verdict(anywhere, signed(t, c, "kms", time.Now()), "kms"); !errors.Is(got, calls.ErrTokenExpired) {
		t.Errorf("expired: got %v, want %v", got, calls.ErrTokenExpired)
	}
}

// Ensure presigned URLs work for S3, for as long as they say, and only as
// they were signed.
func TestKeyring_VerifyPresigned(t *testing.T) {
	ctx := context.Background()
	e := newEndpoint(t, "s3")
	out, err := s3.NewPresignClient(s3.NewFromConfig(e.config)).PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String("data"), Key: aws.String("a b+é"), VersionId: aws.String("v1")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, url string
		want      error
	}{
		{"as signed", out.URL, nil},
		{"other version", strings.Replace(out.URL, "versionId=v1", "versionId=v2", 1), calls.ErrSignature},
		{"longer life", strings.Replace(out.URL, "X-Amz-Expires=900", "X-Amz-Expires=901", 1), calls.ErrSignature},
		{"no token", without(t, out.URL, "X-Amz-Security-Token"), calls.ErrToken},
		{"too long a life", strings.Replace(out.URL, "X-Amz-Expires=900", "X-Amz-Expires=604801", 1), calls.ErrMalformed},
		{"unsigned", without(t, out.URL, "X-Amz-Algorithm", "X-Amz-Signature"), calls.ErrUnsigned},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, err := http.Get(tc.url)
			if err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if !errors.Is(e.err, tc.want) {
				t.Errorf("got %v, want %v", e.err, tc.want)
			}
		})
	}
	old := presigned(t, e, time.Now().Add(-20*time.Minute), "900")
	if _, err := e.ring.Verify(old, "s3"); !errors.Is(err, calls.ErrURLExpired) {
		t.Errorf("used after its life: got %v, want %v", err, calls.ErrURLExpired)
	}
	if _, err := e.ring.Verify(presigned(t, e, time.Now().Add(-20*time.Minute), "3600"), "s3"); err != nil {
		t.Errorf("used within its life: got %v, want no error", err)
	}
}

// Ensure each refusal has the code AWS gives it.
func TestAuthCode(t *testing.T) {
	refused := &calls.AuthError{Reason: calls.ErrTokenExpired, Message: "over"}
	for _, tc := range []struct {
		err     error
		service string
		status  int
		code    string
	}{
		{refused, "s3", 400, "ExpiredToken"},
		{refused, "bedrock", 403, "ExpiredTokenException"},
		{calls.ErrUnsigned, "s3", 403, "AccessDenied"},
		{calls.ErrUnsigned, "execute-api", 403, "MissingAuthenticationTokenException"},
		{calls.ErrUnknownKey, "bedrock", 403, "UnrecognizedClientException"},
		{calls.ErrSignature, "s3", 403, "SignatureDoesNotMatch"},
		{errors.New("disk"), "s3", 500, "InternalFailure"},
	} {
		status, code, message := calls.AuthCode(tc.err, tc.service)
		if status != tc.status || code != tc.code || message == "" {
			t.Errorf("AuthCode(%v, %s) = %d %s %q, want %d %s", tc.err, tc.service, status, code, message, tc.status, tc.code)
		}
	}
}

// signed makes a request with a body, signed by the SDK's own signer.
func signed(t *testing.T, c calls.Credentials, service string, at time.Time) *http.Request {
	t.Helper()
	body := []byte("body")
	r := httptest.NewRequest(http.MethodPut, "http://host.example/data/a%20b?x=1", bytes.NewReader(body))
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Target", "TrentService.DescribeKey")
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", digest)
	}
	err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }).SignHTTP(
		context.Background(), sdkCredentials(c), r, digest, service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// presigned makes a presigned GET at a given time.
func presigned(t *testing.T, e *endpoint, at time.Time, expires string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, e.URL+"/data/key?X-Amz-Expires="+expires, nil)
	c, err := e.config.Credentials.Retrieve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	to, _, err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).PresignHTTP(
		context.Background(), c, r, "UNSIGNED-PAYLOAD", "s3", region, at)
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewRequest(http.MethodGet, to, nil)
}

// verdict verifies r and reads its body, as a service does.
func verdict(ring *calls.Keyring, r *http.Request, service string) error {
	if _, err := ring.Verify(r, service); err != nil {
		return err
	}
	_, err := io.ReadAll(r.Body)
	return err
}

func without(t *testing.T, from string, names ...string) string {
	t.Helper()
	u, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for _, name := range names {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func sdkCredentials(c calls.Credentials) aws.Credentials {
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}
