package s3

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// denying denies calls by "action resource", each a prefix.
func denying(list ...string) calls.Judge {
	return func(c calls.Call) *calls.Denial {
		for _, d := range list {
			if strings.HasPrefix(c.Action+" "+c.Resource, d) {
				return &calls.Denial{Message: "not " + c.Action}
			}
		}
		return nil
	}
}

// Ensure what is denied has no effect and is answered as S3 does, also when it is
// the key that may not be used, and that a missing object is hidden from who may
// not list.
func TestServer_Denials(t *testing.T) {
	log := &calls.Log{}
	w := newWorld(t, func(o *Options) { o.Log = log })
	ctx, name := context.Background(), aws.String(bucket)
	w.put(t, "a/1", "one")
	log.SetJudge(denying("s3:PutObject", "s3:DeleteObject arn:aws:s3:::"+bucket+"/a", "s3:ListBucket"))
	if _, err := w.client.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("a/2"), Body: strings.NewReader("two")}); code(err) != "AccessDenied" || !strings.Contains(err.Error(), "not s3:PutObject") {
		t.Errorf("PutObject: %v, want AccessDenied", err)
	}
	if denied := log.Find("s3:PutObject"); denied[len(denied)-1].Status != http.StatusForbidden {
		t.Errorf("recorded %+v, want status 403", denied)
	}
	out, err := w.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: name, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("a/1")}, {Key: aws.String("b/1")}}}})
	if err != nil || len(out.Errors) != 1 || aws.ToString(out.Errors[0].Code) != "AccessDenied" || len(out.Deleted) != 1 {
		t.Errorf("DeleteObjects: %+v, %v, want one key denied", out, err)
	}
	if _, err := w.client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: aws.String("a/2")}); code(err) != "AccessDenied" {
		t.Errorf("a missing object: %v, want AccessDenied", err)
	}
	log.SetJudge(denying("kms:Decrypt"))
	if _, err := w.client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: aws.String("a/1")}); code(err) != "AccessDenied" {
		t.Errorf("without the key: %v, want AccessDenied", err)
	}
	log.SetJudge(nil)
	if got, _ := w.get(t, &s3.GetObjectInput{Key: aws.String("a/1")}); got != "one" {
		t.Errorf("the object is %q after its deletion was denied", got)
	}
	if _, err := w.client.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: aws.String("a/2")}); code(err) != "NoSuchKey" {
		t.Errorf("what could not be put: %v, want NoSuchKey", err)
	}
}
