package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// Ensure Last-Modified is virtual time, kept for each version, in every answer
// that has one.
func TestServer_LastModified(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	first := w.put(t, "k é", "1")
	w.options.Clock.Advance(90 * time.Minute)
	second := w.put(t, "k é", "2")
	want := map[string]time.Time{first: start, second: start.Add(90 * time.Minute)}
	for version, at := range want {
		if _, got := w.get(t, &s3.GetObjectInput{Key: aws.String("k é"), VersionId: &version}); !got.Equal(at) {
			t.Errorf("GET of version %s: got %v, want %v", version, got, at)
		}
		head, err := w.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k é"), VersionId: &version})
		if err != nil || !aws.ToTime(head.LastModified).Equal(at) {
			t.Errorf("HEAD of version %s: got %+v, %v, want %v", version, head, err, at)
		}
	}
	_, err := w.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k é"), IfUnmodifiedSince: &start})
	if code(err) != "PreconditionFailed" {
		t.Errorf("GET if unmodified since the first version: got %v, want PreconditionFailed", err)
	}
}

// Ensure listings have virtual time too, whichever way they spell a key.
func TestServer_ListTimes(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	want := map[string]time.Time{w.put(t, "k é", "1"): start}
	later := start.Add(90 * time.Minute)
	w.options.Clock.AdvanceTo(later)
	want[w.put(t, "k é", "2")] = later
	for _, encoding := range []types.EncodingType{"", types.EncodingTypeUrl} {
		list, err := w.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), EncodingType: encoding})
		if err != nil || len(list.Contents) != 1 || !aws.ToTime(list.Contents[0].LastModified).Equal(later) {
			t.Errorf("list with encoding %q: got %+v, %v, want %v", encoding, list, err, later)
		}
	}
	v1, err := w.client.ListObjects(ctx, &s3.ListObjectsInput{Bucket: aws.String(bucket)})
	if err != nil || len(v1.Contents) != 1 || !aws.ToTime(v1.Contents[0].LastModified).Equal(later) {
		t.Errorf("list version 1: got %+v, %v, want %v", v1, err, later)
	}
	versions, err := w.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	if err != nil || len(versions.Versions) != 2 {
		t.Fatalf("list of versions: got %+v, %v, want two", versions, err)
	}
	for _, v := range versions.Versions {
		if !aws.ToTime(v.LastModified).Equal(want[aws.ToString(v.VersionId)]) {
			t.Errorf("version %s in the list is of %v", aws.ToString(v.VersionId), v.LastModified)
		}
	}
}

// Ensure a copy of an older version gets that version's bytes, its own time
// and an event, and takes both permissions.
func TestServer_CopyVersion(t *testing.T) {
	w := newWorld(t)
	old := w.put(t, "a b=é+.jsonl", "old")
	w.put(t, "a b=é+.jsonl", "new")
	w.options.Clock.Advance(time.Minute)
	out, err := w.client.CopyObject(context.Background(), &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("accepted/1/train.jsonl"),
		CopySource: aws.String(bucket + "/" + escapePath("a b=é+.jsonl") + "?versionId=" + old)})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToTime(out.CopyObjectResult.LastModified); !got.Equal(start.Add(time.Minute)) || aws.ToString(out.SSEKMSKeyId) != keyARN {
		t.Errorf("copy answered time %v and key %v", got, aws.ToString(out.SSEKMSKeyId))
	}
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("accepted/1/train.jsonl")}); got != "old" {
		t.Errorf("the copy is %q, want \"old\"", got)
	}
	e := w.created(t, 3)[2]
	if e.Detail.Reason != "CopyObject" || e.Detail.Object.Size != 3 || e.Detail.Object.VersionID != aws.ToString(out.VersionId) {
		t.Errorf("got event %+v", e.Detail)
	}
	read := w.options.Log.Find("s3:GetObjectVersion")
	if len(read) != 1 || read[0].Resource != "arn:aws:s3:::"+bucket+"/a b=é+.jsonl" {
		t.Errorf("recorded reads %+v, want the source's version", read)
	}
	if got := w.options.Log.Find("kms:Decrypt"); len(got) != 2 { // the copy, and the GET above
		t.Errorf("recorded %d kms:Decrypt, want 2", len(got))
	}
}

// Ensure a multipart upload becomes one object with one event, also with a
// part copied from another object, and that a condition on it holds.
func TestServer_Multipart(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	part := strings.Repeat("0123456789abcdef", 5<<20/16)
	w.put(t, "source", part)
	key := aws.String("big é.jsonl")
	up, err := w.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(bucket), Key: key, UploadId: up.UploadId,
		PartNumber: aws.Int32(1), Body: strings.NewReader(part)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: aws.String(bucket), Key: key, UploadId: up.UploadId,
		PartNumber: aws.Int32(2), CopySource: aws.String(bucket + "/source")})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := w.client.ListParts(ctx, &s3.ListPartsInput{Bucket: aws.String(bucket), Key: key, UploadId: up.UploadId})
	if err != nil || len(parts.Parts) != 2 {
		t.Errorf("got parts %+v, %v, want 2", parts, err)
	}
	done, err := w.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(bucket), Key: key, UploadId: up.UploadId,
		IfNoneMatch: aws.String("*"), MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{
			{PartNumber: aws.Int32(1), ETag: first.ETag}, {PartNumber: aws.Int32(2), ETag: second.CopyPartResult.ETag}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := w.get(t, &s3.GetObjectInput{Key: key}); got != part+part {
		t.Errorf("the object has %d bytes, want %d of the parts", len(got), 2*len(part))
	}
	e := w.created(t, 2)[1]
	if e.Detail.Reason != "CompleteMultipartUpload" || e.Detail.Object.Size != int64(2*len(part)) ||
		e.Detail.Object.VersionID != aws.ToString(done.VersionId) || !strings.HasSuffix(e.Detail.Object.ETag, "-2") {
		t.Errorf("got event %+v", e.Detail)
	}
}

// Ensure an abort is the permission it takes, and leaves no object and no event.
func TestServer_AbortMultipart(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	key := aws.String("k")
	up, err := w.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: key, UploadId: up.UploadId}); err != nil {
		t.Error(err)
	}
	if got := w.options.Log.Find("s3:AbortMultipartUpload"); len(got) != 1 || got[0].Status != http.StatusNoContent {
		t.Errorf("recorded aborts %+v, want one", got)
	}
	if _, err := w.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: key}); code(err) != "NotFound" {
		t.Errorf("HEAD after the abort: got %v, want NotFound", err)
	}
	w.created(t, 0)
}

// Ensure a presigned URL works without credentials, and nothing else does.
func TestServer_Signatures(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.put(t, "a b+é.jsonl", "text")
	signed, err := s3.NewPresignClient(w.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("a b+é.jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, url string
		status    int
		body      string
	}{
		{"presigned", signed.URL, http.StatusOK, "text"},
		{"tampered", strings.Replace(signed.URL, "a%20b", "a%20c", 1), http.StatusForbidden, "SignatureDoesNotMatch"},
		{"unsigned", w.URL() + "/" + bucket + "/k", http.StatusForbidden, "AccessDenied"},
	} {
		if status, body := fetch(t, http.MethodGet, tc.url, ""); status != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s: got %d %s, want %d with %q", tc.name, status, body, tc.status, tc.body)
		}
	}
	for name, change := range map[string]func(*calls.Credentials){
		"InvalidAccessKeyId":    func(c *calls.Credentials) { c.AccessKeyID = "ASIANOBODY" },
		"SignatureDoesNotMatch": func(c *calls.Credentials) { c.SecretAccessKey = "x" },
		"InvalidToken":          func(c *calls.Credentials) { c.SessionToken = "x" },
	} {
		c := w.creds
		change(&c)
		_, err := w.clientWith(c).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
		if code(err) != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	if got := w.options.Log.Find("s3:GetObject"); got[len(got)-1].Principal != (calls.Principal{}) {
		t.Errorf("an unsigned call is recorded for %+v, want nobody", got[len(got)-1].Principal)
	}
}

// fetch sends a request without credentials of its own.
func fetch(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read below
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// Ensure a body that is not the signed one takes no effect.
func TestServer_TamperedBody(t *testing.T) {
	w := newWorld(t)
	out, err := s3.NewPresignClient(w.client).PresignPutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, http.MethodPut, out.URL, "text"); status != http.StatusOK {
		t.Fatalf("presigned PUT: got %d %s", status, body)
	}
	w.client = s3.New(w.client.Options(), func(o *s3.Options) {
		o.HTTPClient = tamper{}
	})
	_, err = w.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("other"), Body: strings.NewReader("text")})
	if code(err) != "XAmzContentSHA256Mismatch" {
		t.Errorf("got %v, want XAmzContentSHA256Mismatch", err)
	}
	w.created(t, 1)
}

// tamper changes a body on its way.
type tamper struct{}

func (tamper) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(bytes.ToUpper(body)))
	return http.DefaultClient.Do(r) //nolint:gosec // the test's own server
}

// Ensure deletes leave markers, bring older versions back, and are recorded a
// key each.
func TestServer_Delete(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.put(t, "k", "1")
	w.options.Clock.Advance(time.Hour)
	second := w.put(t, "k", "2")
	if _, err := w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), VersionId: &second}); err != nil {
		t.Fatal(err)
	}
	if got, at := w.get(t, &s3.GetObjectInput{Key: aws.String("k")}); got != "1" || !at.Equal(start) {
		t.Errorf("after deleting the newest version: got %q of %v, want \"1\" of %v", got, at, start)
	}
	out, err := w.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("k")}, {Key: aws.String("never")}}}})
	if err != nil || len(out.Errors) != 0 || len(out.Deleted) != 2 || !aws.ToBool(out.Deleted[0].DeleteMarker) {
		t.Errorf("got %+v, %v, want two keys deleted", out, err)
	}
	_, err = w.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if code(err) != "NoSuchKey" {
		t.Errorf("GET of a deleted key: got %v, want NoSuchKey", err)
	}
	if got := w.options.Log.Find("s3:DeleteObject"); len(got) != 2 || got[1].Resource != "arn:aws:s3:::"+bucket+"/never" {
		t.Errorf("recorded %+v, want one call a key", got)
	}
}

// Ensure a call is recorded with the condition keys a policy may ask for.
func TestServer_Context(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	outside := w.clientWith(w.options.Keyring.Issue(calls.Principal{Role: "Uploader", ARN: "arn:u"}))
	for _, client := range []*s3.Client{w.client, outside} {
		if _, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("accepted/")}); err != nil {
			t.Fatal(err)
		}
	}
	list := w.options.Log.Find("s3:ListBucket")
	if len(list) != 2 || list[0].Resource != "arn:aws:s3:::"+bucket || !list[0].Time.Equal(start) {
		t.Fatalf("recorded %+v, want two lists", list)
	}
	want := map[string]string{"s3:prefix": "accepted/", "s3:ResourceAccount": account}
	for i, who := range []string{"inside", "outside"} {
		if who == "outside" {
			want["aws:SourceIp"] = "127.0.0.1"
		}
		for name, value := range want {
			if got := list[i].Context[name]; got != value {
				t.Errorf("%s of a call from %s the VPC is %q, want %q", name, who, got, value)
			}
		}
	}
	if _, ok := list[0].Context["aws:SourceIp"]; ok || !list[0].Principal.InVPC || list[1].Principal.InVPC {
		t.Errorf("recorded %+v, want the first from inside the VPC", list)
	}
}

// Ensure refusals are recorded with their code, and the bucket describes itself.
func TestServer_Refusals(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	for want, in := range map[string]*s3.GetObjectInput{
		"NoSuchKey":    {Bucket: aws.String(bucket), Key: aws.String("none")},
		"NoSuchBucket": {Bucket: aws.String("elsewhere"), Key: aws.String("none")},
		"AccessDenied": {Bucket: aws.String(bucket), Key: aws.String("none"), ExpectedBucketOwner: aws.String("999999999999")},
	} {
		_, err := w.client.GetObject(ctx, in)
		all := w.options.Log.All()
		if last := all[len(all)-1]; code(err) != want || last.Error != want || last.Status < 400 {
			t.Errorf("got %v and recorded %d %s, want %s", err, last.Status, last.Error, want)
		}
	}
	location, err := w.client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String(bucket)})
	if err != nil || location.LocationConstraint != "us-west-2" {
		t.Errorf("location: got %+v, %v, want us-west-2", location, err)
	}
	if _, err := w.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: aws.String("{}")}); code(err) != "NotImplemented" {
		t.Errorf("PutBucketPolicy: got %v, want NotImplemented", err)
	}
}

// Ensure the AWS CLI, where there is one, copies both ways.
func TestServer_AwsCLI(t *testing.T) {
	w := newWorld(t)
	w.put(t, "from sdk é.jsonl", "text")
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("from sdk é.jsonl")}); got != "text" {
		t.Errorf("got %q, want \"text\"", got)
	}
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Log("no aws on PATH: aws s3 cp is not tried")
		return
	}
	dir := t.TempDir()
	big := strings.Repeat("0123456789abcdef", 9<<20/16) // above the CLI's multipart threshold
	if err := os.WriteFile(filepath.Join(dir, "up.jsonl"), []byte(big), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(cli, append([]string{"--endpoint-url", w.URL()}, args...)...) //nolint:gosec // the AWS CLI, on the test's own server
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+w.creds.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+w.creds.SecretAccessKey,
			"AWS_SESSION_TOKEN="+w.creds.SessionToken, "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2", "AWS_CONFIG_FILE="+filepath.Join(dir, "none"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("aws %v: %v: %s", args, err, out)
		}
	}
	run("s3", "cp", "up.jsonl", "s3://"+bucket+"/fine-tuning-datasets/m/big =é.jsonl")
	run("s3", "cp", "s3://"+bucket+"/fine-tuning-datasets/m/big =é.jsonl", "down.jsonl")
	run("s3", "cp", "s3://"+bucket+"/from sdk é.jsonl", "small.jsonl")
	run("s3", "cp", "small.jsonl", "s3://"+bucket+"/small.jsonl")
	for name, want := range map[string]string{"down.jsonl": big, "small.jsonl": "text"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want { //nolint:gosec // a file that the test made
			t.Errorf("%s: got %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
	reasons := []string{}
	for _, e := range w.created(t, 3) {
		reasons = append(reasons, e.Detail.Reason)
	}
	if want := []string{"PutObject", "CompleteMultipartUpload", "PutObject"}; !slices.Equal(reasons, want) {
		t.Errorf("got events %v, want %v", reasons, want)
	}
}

// Ensure a body above the memory limit arrives whole and leaves no file behind.
func TestServer_SpooledBody(t *testing.T) {
	w := newWorld(t)
	text := strings.Repeat("x", 3*memoryLimit+1)
	w.put(t, "k", text)
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("k")}); got != text {
		t.Errorf("got %d bytes, want %d", len(got), len(text))
	}
	if left, err := os.ReadDir(w.spoolDir); err != nil || len(left) != 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
}
