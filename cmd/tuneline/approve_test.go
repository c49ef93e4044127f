package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// identityAnswer is what STS answers to GetCallerIdentity.
const identityAnswer = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/operator/ann</Arn><UserId>u</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

// askingAccount is S3 and STS as the command sees them: one run's record, and what is
// written beside it.
func askingAccount(t *testing.T, run registry.Run) (written map[string]string) {
	t.Helper()
	record, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	written = map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Content-Type", "text/xml")
			_, err = io.WriteString(w, identityAnswer)
		case r.Method == http.MethodPut:
			written[r.URL.Path] = string(body)
		case r.URL.Path == "/my-bucket/runs/0123456789abcdef.json":
			_, err = w.Write(record)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, err = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
		"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
	} {
		t.Setenv(key, value)
	}
	return written
}

// waiting is a run that asks about 24 USD an hour.
func waiting() registry.Run {
	usd, until := 24.0, time.Now().Add(72*time.Hour)
	return registry.Run{
		ID: "0123456789abcdef", Model: "support", ExecutionARN: "arn:aws:states:us-east-1:111122223333:execution:tuneline-finetune:1",
		Dataset: finetune.Dataset{Bucket: "my-bucket"},
		Spend: map[string]finetune.Spend{finetune.PurposeServing: {
			Purpose: finetune.PurposeServing, Decision: finetune.DecisionAsked, USD: &usd, Unit: finetune.UnitHour, Until: &until,
			Reasons: []string{"24.00 USD an hour is more than serving.maxHourlyUSD"}, Waiting: finetune.NewWaiting(72 * 3600),
		}},
	}
}

// Ensure the command says what it approved or rejected, at which price, by whom,
// until when and what happens next, and writes just that.
func TestAnswerCommands(t *testing.T) {
	ended := waiting()
	ended.Closed, ended.End, ended.Error = true, finetune.EndNeedsOperator, string(finetune.SpendUnanswered)
	tests := map[string]struct {
		run  registry.Run
		args []string
		// decision is written, for as long as lasts.
		decision string
		lasts    time.Duration
		want     []string
	}{
		"approve":  {waiting(), []string{"approve"}, registry.Approve, 24 * time.Hour, []string{"approved: serving of run 0123456789abcdef (model support), at 24.00 USD an hour", "serving.maxHourlyUSD", "by arn:aws:sts::111122223333:assumed-role/operator/ann, until 20", "the run sees it within 3"}},
		"shorter":  {waiting(), []string{"approve", "--until", "90m", "--purpose", "serving"}, registry.Approve, 90 * time.Minute, []string{"until 20"}},
		"reject":   {waiting(), []string{"reject"}, registry.Reject, 0, []string{"rejected: serving", "by arn:aws:sts", "sees it within"}},
		"ended":    {ended, []string{"approve"}, registry.Approve, 24 * time.Hour, []string{"the run ended NeedsOperator: go on with it by: tuneline resume 0123456789abcdef --bucket my-bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune"}},
		"too late": {ended, []string{"reject"}, registry.Reject, 0, []string{"buys nothing should it be resumed"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			written := askingAccount(t, test.run)
			exit, stdout, stderr := command(t, append(test.args, "0123456789abcdef", "--bucket", "my-bucket")...)
			if exit != exitOK || stderr != "" {
				t.Fatalf("exit %d: %s", exit, stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("printed %q, want %q in it", stdout, want)
				}
			}
			var approval registry.Approval
			if err := json.Unmarshal([]byte(written["/my-bucket/approvals/0123456789abcdef-serving.json"]), &approval); err != nil || len(written) != 1 {
				t.Fatalf("wrote %q: %v", written, err)
			}
			if approval.Decision != test.decision || *approval.USD != 24 || test.lasts > 0 && approval.Until.Sub(approval.At) != test.lasts {
				t.Errorf("wrote %+v, want %s for %s", approval, test.decision, test.lasts)
			}
		})
	}
}

// Ensure a script reads what was written, and a run that does not wait is refused.
func TestAnswerForScripts(t *testing.T) {
	askingAccount(t, waiting())
	exit, stdout, stderr := command(t, "approve", "0123456789abcdef", "--bucket", "my-bucket", "--json")
	var approval registry.Approval
	if err := json.Unmarshal([]byte(stdout), &approval); err != nil || exit != exitOK || approval.Decision != registry.Approve || approval.By == "" {
		t.Errorf("exit %d, printed %q (%s), %v; want the approval", exit, stdout, stderr, err)
	}
	run := waiting()
	run.Spend = nil
	written := askingAccount(t, run)
	exit, stdout, stderr = command(t, "approve", "0123456789abcdef", "--bucket", "my-bucket")
	if exit != exitError || stdout != "" || !strings.Contains(stderr, "does not wait for an approval") || len(written) != 0 {
		t.Errorf("exit %d, printed %q and %q, wrote %q; want a refusal", exit, stdout, stderr, written)
	}
}

// Ensure flags that will not do are refused before anything is asked.
func TestAnswerFlags(t *testing.T) {
	t.Setenv("TUNELINE_BUCKET", "")
	for args, want := range map[string]string{
		"approve":                  "name one run by its id",
		"approve run":              "no run's id",
		"approve 0123456789abcdef": "BucketName",
		"reject 0123456789abcdef":  "BucketName",
		"approve 0123456789abcdef --bucket b --purpose other": `--purpose is "other": want training or serving`,
		"approve 0123456789abcdef --bucket b --until 10s":     "want 1m to 720h0m0s",
		"approve 0123456789abcdef --bucket b --until 721h":    "want 1m to 720h0m0s",
		"reject 0123456789abcdef --bucket b --until 1h":       "unknown flag: --until",
	} {
		if exit, _, stderr := command(t, strings.Fields(args)...); exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q; want %q", args, exit, stderr, want)
		}
	}
}
