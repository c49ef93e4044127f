package rehearsal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/canary"
)

// seeds let a canary out by each channel, by what really fills that channel, each in
// another disguise.
var seeds = map[string]func(w *watched, c canary.Canary) error{
	inLog: func(w *watched, c canary.Canary) error {
		_, err := fmt.Fprintf(w.fixture, `{"msg":"failed","error":%q}`, base64.StdEncoding.EncodeToString([]byte("x"+c.Text())))
		return err
	},
	inEvent: func(w *watched, c canary.Canary) error {
		return w.Deliver(w.t.Context(), json.RawMessage(`{"source":"seeded","detail-type":"seeded","detail":{"a":`+quoted(c.Text())+`}}`))
	},
	inNotice: func(w *watched, c canary.Canary) error {
		w.notify(Notice{Subject: "seeded", Message: json.RawMessage(quoted(`{"a":` + quoted(c.Text()) + `}`))})
		return nil
	},
	inExecution: (*watched).startSeeded,
	inHistory:   (*watched).startSeeded,
	inRecord: func(w *watched, c canary.Canary) error {
		return w.putSeeded(&s3.PutObjectInput{Key: aws.String(finetune.PrefixReports + "a.json"), Body: strings.NewReader(`{"a":` + quoted(quoted(c.Text())) + `}`)})
	},
	inKey: func(w *watched, c canary.Canary) error {
		return w.putSeeded(&s3.PutObjectInput{Key: aws.String(finetune.PrefixReports + c.Word()[3:3+canary.Part])})
	},
	inMetadata: func(w *watched, c canary.Canary) error {
		return w.putSeeded(&s3.PutObjectInput{Key: aws.String(finetune.PrefixAccepted + "a.jsonl"), Tagging: aws.String("a=" + url.QueryEscape(c.Words()))})
	},
	inBedrock: func(w *watched, c canary.Canary) error {
		_, err := w.Administrator().Bedrock.TagResource(w.t.Context(), &awsbedrock.TagResourceInput{
			ResourceARN: aws.String(w.Bedrock.Jobs()[0].ARN), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String(c.Words())}},
		})
		return err
	},
	inCall: func(w *watched, c canary.Canary) error {
		bucket := w.Bucket()
		_, _ = w.Administrator().S3.HeadObject(w.t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(strings.ToUpper(c.Word()))}) // which is not there
		return nil
	},
	inAnswer: func(w *watched, c canary.Canary) error {
		fault := refused[0]
		fault.Message = c.Text()
		w.faulty(&fault)
		defer w.faulty(nil)
		w.tell("seeded", w.caller(), http.MethodPost, "/model/m/converse", ask(question(1)))
		return nil
	},
}

// startSeeded starts an execution by hand, on a data set whose name is a canary.
func (w *watched) startSeeded(c canary.Canary) error {
	input, err := json.Marshal(finetune.ExecutionInput{Dataset: finetune.Dataset{Bucket: w.Bucket(), Key: finetune.PrefixDatasets + c.Word() + "/a.jsonl", VersionID: "a", Sequencer: "1"}})
	if err != nil {
		return err
	}
	started, err := w.Administrator().SFN.StartExecution(w.t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String(w.Machine().ARN), Input: aws.String(string(input))})
	if err != nil {
		return err
	}
	_, err = w.Wait(w.t.Context(), aws.ToString(started.ExecutionArn))
	return err
}

func (w *watched) putSeeded(in *s3.PutObjectInput) error {
	in.Bucket = aws.String(w.Bucket())
	_, err := w.Administrator().S3.PutObject(w.t.Context(), in)
	return err
}

// Ensure a canary that leaves is found, in each channel: the tests that find none
// look where something is.
func TestSeededLeaksAreFound(t *testing.T) {
	t.Parallel()
	w := watch(start(t, nova, "default"))
	w.train("m", conversation("a"), finetune.EndDeployed)
	w.tell("before", w.caller(), http.MethodPost, "/model/m/converse", ask(question(1)))
	w.tight()
	for channel := range channels {
		seed, ok := seeds[channel]
		if !ok {
			t.Errorf("nothing is seeded in %s", channel)
			continue
		}
		if err := seed(w, w.Put(channel)); err != nil {
			t.Errorf("seeding %s: %v", channel, err)
		}
	}
	leaks := w.leaks()
	for channel := range seeds {
		found := fmt.Sprintf("what came in as %s left in %s ", channel, channel)
		if !slices.ContainsFunc(leaks, func(leak string) bool { return strings.HasPrefix(leak, found) }) {
			t.Errorf("the leak in %s is not found", channel)
		}
	}
}
