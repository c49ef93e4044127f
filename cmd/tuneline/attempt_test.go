package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

const (
	earlierRun  = finetune.RunID("0123456789abcdef")
	servedRun   = finetune.RunID("fedcba9876543210")
	anExecution = "arn:aws:states:us-east-1:111122223333:execution:tuneline-finetune:e"
)

// account is a stack with its records, whose executions end at once: the run's
// record then says end.
type account struct {
	objects map[string][]byte
	end     string
}

func (a *account) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	body, ok := a.objects[*in.Key]
	if !ok {
		return nil, &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String("etag")}, nil
}

func (*account) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return nil, errors.New("the command line writes nothing")
}

func (*account) StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	return &sfn.StartExecutionOutput{ExecutionArn: aws.String(anExecution)}, nil
}

func (a *account) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	ended := registry.Run{ID: earlierRun, Model: "support", ExecutionARN: anExecution, End: a.end}
	if a.end != finetune.EndDeployed {
		ended.Error, ended.Cause = "SmokeTestFailed", "the answer is empty"
	}
	a.set(finetune.RunKey(earlierRun), ended)
	return &sfn.DescribeExecutionOutput{ExecutionArn: in.ExecutionArn, Status: types.ExecutionStatusFailed}, nil
}

func (a *account) set(key string, v any) {
	a.objects[key], _ = json.Marshal(v) // of our own types, which marshal
}

// newAccount has a model that goes back to the earlier run, or a run that is
// resumed, with the run's end before that.
func newAccount(before, end string) *account {
	a := &account{objects: map[string][]byte{}, end: end}
	capacity := func(id finetune.RunID) registry.Capacity {
		return registry.Capacity{Kind: finetune.KindDeployment, Run: finetune.Run{ID: id, Model: "support"}}
	}
	earlier, served := capacity(earlierRun), capacity(servedRun)
	a.set(finetune.RegistryKey("support"), registry.Model{Name: "support", Serving: &served, Previous: &earlier, History: []registry.Capacity{earlier, served}})
	a.set(finetune.RunKey(earlierRun), registry.Run{ID: earlierRun, Model: "support", End: before, CustomModel: &finetune.Model{ARN: "arn:model"}})
	return a
}

// Ensure both commands say what they started, follow it when asked to, and answer
// with the exit that scripts go by.
func TestAttempts(t *testing.T) {
	stack := []string{"--bucket", "b", "--state-machine", "arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune"}
	rollback := func(a *account) *cobra.Command {
		return rollbackWith(&attempt{executions: a, store: registry.Store{S3: a}})
	}
	resume := func(a *account) *cobra.Command {
		return resumeWith(&attempt{executions: a, store: registry.Store{S3: a}})
	}
	tests := map[string]struct {
		command     func(*account) *cobra.Command
		before, end string
		args        []string
		says        []string
		wantEnd     string
	}{
		"rollback":             {rollback, finetune.EndDeployed, "", []string{"support"}, []string{"from run " + string(servedRun) + " to run " + string(earlierRun), "seconds", anExecution, "watch it"}, ""},
		"rollback, JSON":       {rollback, finetune.EndDeployed, "", []string{"support", "--json"}, []string{`"executionArn":"` + anExecution + `"`, `"to":"` + string(earlierRun) + `"`}, ""},
		"rollback, followed":   {rollback, finetune.EndDeployed, finetune.EndDeployed, []string{"support", "--wait"}, []string{"ended Deployed"}, ""},
		"rollback that fails":  {rollback, finetune.EndDeployed, finetune.EndFailed, []string{"support", "--wait"}, []string{"ended Failed", "SmokeTestFailed: the answer is empty"}, finetune.EndFailed},
		"resume":               {resume, finetune.EndNeedsOperator, "", []string{string(earlierRun)}, []string{"resumed in " + anExecution}, ""},
		"resume, followed":     {resume, finetune.EndFailed, finetune.EndFailed, []string{string(earlierRun), "--wait", "--json"}, []string{`"end":"Failed"`, `"run":"` + string(earlierRun) + `"`, `"cause":"the answer is empty"`}, finetune.EndFailed},
		"resume, all the way":  {resume, finetune.EndFailed, finetune.EndDeployed, []string{string(earlierRun), "--wait"}, []string{"ended Deployed"}, ""},
		"rollback by its name": {rollback, finetune.EndFailed, "", []string{"support", "--to", string(earlierRun)}, []string{"to run " + string(earlierRun)}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			command := test.command(newAccount(test.before, test.end))
			var out bytes.Buffer
			command.SetOut(&out)
			command.SetErr(io.Discard)
			command.SilenceErrors, command.SilenceUsage = true, true
			command.SetArgs(append(test.args, stack...))
			err := command.ExecuteContext(t.Context())
			var end endError
			if test.wantEnd == "" && err != nil || test.wantEnd != "" && (!errors.As(err, &end) || end.end != test.wantEnd) {
				t.Errorf("got %v, want the end %q", err, test.wantEnd)
			}
			for _, want := range test.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("printed %q, which does not say %q", out.String(), want)
				}
			}
		})
	}
}

// Ensure what cannot be gone back to is refused before anything is started.
func TestRollbackRefused(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"what is served": {[]string{"support", "--to", string(servedRun)}, "serves the model already"},
		"no model":       {[]string{"another"}, "no run of model another was ever published"},
		"no model name":  {[]string{"no/model"}, "letters, digits"},
	} {
		a := newAccount(finetune.EndDeployed, "")
		a.set(finetune.RunKey(servedRun), registry.Run{ID: servedRun, Model: "support", End: finetune.EndDeployed})
		command := rollbackWith(&attempt{executions: a, store: registry.Store{S3: a}, bucket: "b"})
		command.SilenceErrors, command.SilenceUsage = true, true
		command.SetOut(io.Discard)
		command.SetArgs(append(test.args, "--bucket", "b", "--state-machine", "arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune"))
		if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
