package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

const (
	bucket  = "tuneline-data"
	account = "111122223333"
	keyID   = "1234abcd-12ab-34cd-56ef-1234567890ab"
	keyARN  = "arn:aws:kms:us-west-2:111122223333:key/" + keyID
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	submit = calls.Principal{Role: "SubmitRole", ARN: "arn:aws:sts::111122223333:assumed-role/submit/x", InVPC: true}
)

func TestMain(m *testing.M) {
	RunIfChild()
	runIfParent()
	os.Exit(m.Run())
}

// world is a running S3 with a client inside the VPC.
type world struct {
	*Server
	client *s3.Client
	creds  calls.Credentials
	mu     sync.Mutex
	events []json.RawMessage
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{}
	o := Options{
		Dir: filepath.Join(t.TempDir(), "store"), Buckets: []string{bucket}, Region: "us-west-2", AccountID: account,
		KeyARN: keyARN,
		Clock:  clock.New(start), Keyring: &calls.Keyring{}, Log: &calls.Log{},
		OnCreated: func(event json.RawMessage) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, event)
		},
	}
	for _, f := range change {
		f(&o)
	}
	began := time.Now()
	var err error
	if w.Server, err = Start(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.creds = o.Keyring.Issue(submit)
	w.client = w.clientWith(w.creds)
	return w
}

func (w *world) clientWith(c calls.Credentials) *s3.Client {
	return s3.NewFromConfig(aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(w.URL()),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// put stores text and returns its version id.
func (w *world) put(t *testing.T, key, text string) string {
	t.Helper()
	out, err := w.client.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.SSEKMSKeyId); got != keyARN || out.ServerSideEncryption != "aws:kms" {
		t.Errorf("PutObject answered encryption %q with %q, want aws:kms with the bucket's key", out.ServerSideEncryption, got)
	}
	return aws.ToString(out.VersionId)
}

// get returns an object and its Last-Modified.
func (w *world) get(t *testing.T, in *s3.GetObjectInput) (string, time.Time) {
	t.Helper()
	in.Bucket = aws.String(bucket)
	out, err := w.client.GetObject(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.SSEKMSKeyId); got != keyARN {
		t.Errorf("GetObject answered key %q, want %q", got, keyARN)
	}
	return string(body), aws.ToTime(out.LastModified)
}

// created waits for n events and decodes them.
func (w *world) created(t *testing.T, n int) []event {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		w.mu.Lock()
		raw := slices.Clone(w.events)
		w.mu.Unlock()
		if len(raw) >= n || time.Now().After(deadline) {
			if len(raw) != n {
				t.Fatalf("got %d events, want %d", len(raw), n)
			}
			events := make([]event, n)
			for i := range raw {
				if err := json.Unmarshal(raw[i], &events[i]); err != nil {
					t.Fatal(err)
				}
			}
			return events
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

var oddKeys = []string{"plain.jsonl", "a b/c d.jsonl", "dt=2026-11-23/x.jsonl", "a+b.jsonl", "café/é.jsonl", "100%.jsonl", "q?a&b#c.jsonl"}

// Ensure keys with every kind of character work in every operation, and stand
// unencoded in the event.
func TestServer_OddKeys(t *testing.T) {
	ctx := context.Background()
	for _, sidecar := range []bool{false, true} {
		w := newWorld(t, func(o *Options) { o.sidecar = sidecar })
		for _, key := range oddKeys {
			version := w.put(t, key, "text of "+key)
			if got, _ := w.get(t, &s3.GetObjectInput{Key: &key, VersionId: &version}); got != "text of "+key {
				t.Errorf("%s: got %q", key, got)
			}
			if got, _ := w.get(t, &s3.GetObjectInput{Key: &key, Range: aws.String("bytes=0-3")}); got != "text" {
				t.Errorf("%s: range 0-3 is %q, want \"text\"", key, got)
			}
			list, err := w.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &key})
			if err != nil || len(list.Contents) != 1 || aws.ToString(list.Contents[0].Key) != key {
				t.Errorf("%s: list of the key as prefix is %+v, %v", key, list, err)
			}
		}
		var keys []string
		for _, e := range w.created(t, len(oddKeys)) {
			keys = append(keys, e.Detail.Object.Key)
		}
		slices.Sort(keys)
		if want := slices.Sorted(slices.Values(oddKeys)); !slices.Equal(keys, want) {
			t.Errorf("events for %q, want %q", keys, want)
		}
	}
}

// Ensure the event has the documented envelope and says what was stored.
func TestServer_EventEnvelope(t *testing.T) {
	w := newWorld(t)
	first := w.put(t, "fine-tuning-datasets/m/a b=é.jsonl", "12345")
	w.put(t, "fine-tuning-datasets/m/a b=é.jsonl", "12345")
	events := w.created(t, 2)
	e := events[0]
	want := event{
		Version: "0", ID: e.ID, DetailType: "Object Created", Source: "aws.s3", Account: account, Time: start,
		Region: "us-west-2", Resources: []string{"arn:aws:s3:::" + bucket}, Detail: e.Detail,
	}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, wanted) {
		t.Errorf("got %s, want %s", got, wanted)
	}
	o := e.Detail.Object
	wantObject := object{Key: "fine-tuning-datasets/m/a b=é.jsonl", Size: 5, ETag: "827ccb0eea8a706c4c34a16891f84e7b",
		VersionID: first, Sequencer: o.Sequencer}
	if o != wantObject {
		t.Errorf("got object %+v, want %+v", o, wantObject)
	}
	wantDetail := detail{Version: "0", Object: o, RequestID: e.Detail.RequestID, Requester: account, SourceIP: "127.0.0.1", Reason: "PutObject"}
	wantDetail.Bucket.Name = bucket
	if e.Detail != wantDetail {
		t.Errorf("got detail %+v, want %+v", e.Detail, wantDetail)
	}
	if len(e.Detail.RequestID) != 16 || len(e.ID) != 36 {
		t.Errorf("got request id %q and event id %q, want 16 and 36 characters", e.Detail.RequestID, e.ID)
	}
	if next := events[1].Detail.Object.Sequencer; len(o.Sequencer) != 16 || next <= o.Sequencer {
		t.Errorf("sequencers %q, %q do not grow", o.Sequencer, next)
	}
}

// Ensure of writers that race on one condition exactly one wins, and that the
// books (version, event) have just the winner's object.
func TestServer_ConditionalWriteRace(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	key := aws.String("runs/1.json")
	for _, condition := range []string{"create", "replace"} {
		var etag *string
		if condition == "replace" {
			head, err := w.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: key})
			if err != nil {
				t.Fatal(err)
			}
			etag = head.ETag
		}
		results := make(chan error, 8)
		for i := range 8 {
			go func() {
				in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: key, Body: strings.NewReader(condition + string(rune('a'+i))), IfMatch: etag} //nolint:gosec // a few letters
				if etag == nil {
					in.IfNoneMatch = aws.String("*")
				}
				_, err := w.client.PutObject(ctx, in)
				results <- err
			}()
		}
		won := 0
		for range 8 {
			switch err := <-results; {
			case err == nil:
				won++
			case code(err) != "PreconditionFailed":
				t.Errorf("%s: a loser got %v, want PreconditionFailed", condition, err)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d writers won, want 1", condition, won)
		}
	}
	w.created(t, 2)
	versions, err := w.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	if err != nil || len(versions.Versions) != 2 {
		t.Errorf("got %+v, %v, want 2 versions", versions, err)
	}
}

// Ensure conditions see delete markers, missing objects and what S3 refuses.
func TestServer_Conditions(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	put := func(key, match, noneMatch string) error {
		in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("x")}
		if match != "" {
			in.IfMatch = &match
		}
		if noneMatch != "" {
			in.IfNoneMatch = &noneMatch
		}
		_, err := w.client.PutObject(ctx, in)
		return err
	}
	w.put(t, "gone", "x")
	if _, err := w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("gone")}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, key, match, noneMatch, want string }{
		{"If-Match on nothing", "new", `"abc"`, "", "NoSuchKey"},
		{"If-Match on a deleted object", "gone", `"9dd4e461268c8034f5c8564e155c67a6"`, "", "NoSuchKey"},
		{"If-None-Match with an ETag", "new", "", `"abc"`, "NotImplemented"},
		{"create after delete", "gone", "", "*", ""},
		{"create again", "gone", "", "*", "PreconditionFailed"},
		{"replace with a wrong ETag", "gone", `"abc"`, "", "PreconditionFailed"},
		{"replace with the right ETag", "gone", `"9dd4e461268c8034f5c8564e155c67a6"`, "", ""},
	} {
		if got := code(put(tc.key, tc.match, tc.noneMatch)); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	w.put(t, "source", "x")
	_, err := w.client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("gone"),
		CopySource: aws.String(bucket + "/source"), IfNoneMatch: aws.String("*")})
	if code(err) != "PreconditionFailed" {
		t.Errorf("copy onto an existing object with If-None-Match: got %v, want PreconditionFailed", err)
	}
}

// Ensure a fault is injected once a request: instead of the call, after it, or
// as a lost connection.
func TestServer_Faults(t *testing.T) {
	ctx := context.Background()
	for _, tc := range []struct {
		name   string
		fault  calls.Fault
		want   string
		stored bool
	}{
		{"before", calls.Fault{Status: 503, Code: "SlowDown", Message: "reduce your request rate"}, "SlowDown", false},
		{"after", calls.Fault{Status: 500, Code: "InternalError", After: true}, "InternalError", true},
		{"reset", calls.Fault{Reset: true}, "", false},
		{"reset after", calls.Fault{Reset: true, After: true}, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			asked := 0
			w.options.Log.SetHook(func(c calls.Call) *calls.Fault {
				asked++
				if c.Action == "s3:PutObject" && c.Resource == "arn:aws:s3:::"+bucket+"/k" && c.Principal == submit {
					return &tc.fault
				}
				return nil
			})
			_, err := w.client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")})
			if err == nil || code(err) != tc.want {
				t.Errorf("got %v, want code %q", err, tc.want)
			}
			w.options.Log.SetHook(nil)
			_, err = w.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
			if stored := err == nil; stored != tc.stored || asked != 1 {
				t.Errorf("stored %v, hook asked %d times, want %v, once", stored, asked, tc.stored)
			}
			if tc.stored {
				w.created(t, 1)
			}
			if got := w.options.Log.Find("s3:PutObject"); len(got) != 1 || got[0].Error != tc.fault.Code {
				t.Errorf("recorded %+v, want one call with error %q", got, tc.fault.Code)
			}
		})
	}
}

// Ensure the bucket takes its own encryption only.
func TestServer_Encryption(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	for _, tc := range []struct{ algorithm, key, want string }{
		{"", "", ""},
		{"aws:kms", keyARN, ""},
		{"aws:kms", keyID, ""},
		{"aws:kms", "", "AccessDenied"},
		{"aws:kms", "arn:aws:kms:us-west-2:111122223333:key/other", "AccessDenied"},
		{"AES256", "", "AccessDenied"},
		{"aws:kms:dsse", keyARN, "AccessDenied"},
	} {
		in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")}
		in.ServerSideEncryption = types.ServerSideEncryption(tc.algorithm)
		if tc.key != "" {
			in.SSEKMSKeyId = &tc.key
		}
		if _, err := w.client.PutObject(ctx, in); code(err) != tc.want {
			t.Errorf("%q with %q: got %v, want %q", tc.algorithm, tc.key, err, tc.want)
		}
	}
	last := w.options.Log.Find("s3:PutObject")[3]
	if got := last.Context["s3:x-amz-server-side-encryption"]; got != "aws:kms" || last.Status != http.StatusForbidden {
		t.Errorf("recorded %+v, want the encryption asked for and 403", last)
	}
}
