package kms_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
	"github.com/tuneline/tuneline/internal/rehearsal/kms"
)

const (
	keyID  = "1234abcd-12ab-34cd-56ef-1234567890ab"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/" + keyID
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	submit = calls.Principal{Role: "SubmitRole", ARN: "arn:aws:sts::111122223333:assumed-role/submit/x", InVPC: true}
)

type world struct {
	*kms.Server
	client *sdk.Client
	log    *calls.Log
	clock  *clock.Clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring := &calls.Keyring{}
	w := &world{log: &calls.Log{}, clock: clock.New(start)}
	var err error
	w.Server, err = kms.Start(context.Background(), kms.Options{
		KeyARN: keyARN, Aliases: []string{"alias/tuneline"}, AccountID: "111122223333", Clock: w.clock, Keyring: ring, Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	c := ring.Issue(submit)
	w.client = sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(w.URL()),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
	return w
}

func (w *world) describe(name string) (*types.KeyMetadata, error) {
	out, err := w.client.DescribeKey(context.Background(), &sdk.DescribeKeyInput{KeyId: &name})
	if err != nil {
		return nil, err
	}
	return out.KeyMetadata, nil
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Ensure the key is described under each of its names, and recorded as itself.
func TestServer_DescribeKey(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{keyARN, keyID, "alias/tuneline", "arn:aws:kms:us-east-1:111122223333:alias/tuneline"} {
		m, err := w.describe(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := []any{aws.ToString(m.Arn), aws.ToString(m.KeyId), aws.ToString(m.AWSAccountId), aws.ToTime(m.CreationDate), m.Enabled,
			m.KeyState, m.KeyManager, m.KeySpec, m.KeyUsage, m.Origin}
		want := []any{keyARN, keyID, "111122223333", start, true,
			types.KeyStateEnabled, types.KeyManagerTypeCustomer, types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt, types.OriginTypeAwsKms}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	recorded := w.log.Find("kms:DescribeKey")
	if len(recorded) != 4 || recorded[2].Resource != keyARN || recorded[2].Principal != submit || recorded[2].Status != http.StatusOK {
		t.Fatalf("recorded %+v, want 4 calls on the key", recorded)
	}
	if got := recorded[2].Context["kms:RequestAlias"]; got != "alias/tuneline" {
		t.Errorf("kms:RequestAlias is %q, want alias/tuneline", got)
	}
}

// Ensure a scenario can take the key away.
func TestServer_SetState(t *testing.T) {
	w := newWorld(t)
	w.SetState(kms.Disabled)
	if m, err := w.describe(keyARN); err != nil || m.Enabled || m.KeyState != types.KeyStateDisabled {
		t.Errorf("disabled: got %+v, %v", m, err)
	}
	w.SetState(kms.PendingDeletion)
	if m, err := w.describe(keyARN); err != nil || m.Enabled || m.KeyState != types.KeyStatePendingDeletion ||
		!aws.ToTime(m.DeletionDate).Equal(start.AddDate(0, 0, 30)) {
		t.Errorf("pending deletion: got %+v, %v", m, err)
	}
}

// Ensure what is not DescribeKey, not the key or not signed is refused.
func TestServer_Refusals(t *testing.T) {
	w := newWorld(t)
	if _, err := w.describe("alias/other"); code(err) != "NotFoundException" {
		t.Errorf("another key: got %v, want NotFoundException", err)
	}
	_, err := w.client.Encrypt(context.Background(), &sdk.EncryptInput{KeyId: aws.String(keyARN), Plaintext: []byte("x")})
	if code(err) != "UnknownOperationException" {
		t.Errorf("Encrypt: got %v, want UnknownOperationException", err)
	}
	resp, err := http.Post(w.URL(), "application/x-amz-json-1.1", strings.NewReader(`{"KeyId":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("unsigned: got %d, %v, want 400", resp.StatusCode, err)
	}
	all := w.log.All()
	if len(all) != 3 || all[1].Action != "kms:Encrypt" || all[2].Error != "MissingAuthenticationTokenException" {
		t.Errorf("recorded %+v, want three refused calls", all)
	}
}

// Ensure the fault hook decides.
func TestServer_Fault(t *testing.T) {
	w := newWorld(t)
	w.log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "kms:DescribeKey" && c.Resource == keyARN {
			return &calls.Fault{Status: 400, Code: "AccessDeniedException", Message: "no"}
		}
		return nil
	})
	if _, err := w.describe(keyARN); code(err) != "AccessDeniedException" {
		t.Errorf("got %v, want AccessDeniedException", err)
	}
	w.log.SetHook(func(calls.Call) *calls.Fault { return &calls.Fault{Reset: true} })
	if _, err := w.describe(keyARN); err == nil || code(err) != "" {
		t.Errorf("got %v, want a lost connection", err)
	}
	w.log.SetHook(nil)
	if _, err := w.describe(keyARN); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

// Ensure a caller without permission gets KMS's own code, and no description.
func TestServer_Denied(t *testing.T) {
	w := newWorld(t)
	w.log.SetJudge(func(c calls.Call) *calls.Denial { return &calls.Denial{Message: c.Action + " on " + c.Resource} })
	if _, err := w.describe(keyID); code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "kms:DescribeKey on "+keyARN) {
		t.Errorf("got %v, want AccessDeniedException about the key", err)
	}
	if recorded := w.log.Find("kms:DescribeKey"); len(recorded) != 1 || recorded[0].Error != "AccessDeniedException" {
		t.Errorf("recorded %+v", recorded)
	}
}
