package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/control"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Stage is where one scenario is played: a model of its own in a cloud that
// other scenarios use before and after it.
type Stage struct {
	ctx     context.Context
	cloud   *rehearsal.Cloud
	meddler *meddler
	ground  Ground
	// model is the scenario's own.
	model string

	mu      sync.Mutex
	uploads []upload
	// executions are those that the workload started itself.
	executions []string
	// sweeps says that the workload sweeps, as a schedule does every hour.
	sweeps bool
	// deletion is CloudFormation's answer to the stack being deleted, nil while
	// it was not asked for.
	deletion *control.Response
}

// upload is a data set that a workload dropped.
type upload struct {
	run finetune.RunID
	// set names the data set; its answers do.
	set string
}

// Upload drops a data set named set, which the execution it starts is about.
// Sets of the same name have the same content.
func (s *Stage) Upload(set string) error {
	return s.UploadText(set, s.ground.dataset(set))
}

// UploadText drops a data set of any content.
func (s *Stage) UploadText(set, text string) error {
	key := finetune.PrefixDatasets + s.model + "/" + set + ".jsonl"
	version, err := s.cloud.Upload(s.ctx, key, strings.NewReader(text))
	if err != nil {
		return err
	}
	run := finetune.Dataset{Bucket: s.cloud.Bucket(), Key: key, VersionID: version}.RunID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads = append(s.uploads, upload{run, set})
	return nil
}

// When does act once, when a state is entered for the first time from now on
// and before its task runs. act must not wait for an execution.
func (s *Stage) When(state string, act func() error) {
	s.meddler.mu.Lock()
	defer s.meddler.mu.Unlock()
	s.meddler.when[state] = func() { s.meddler.fail(act()) }
}

// Refuse lets every call of an action in a state be refused as invalid.
func (s *Stage) Refuse(state, action string) {
	s.meddler.mu.Lock()
	defer s.meddler.mu.Unlock()
	s.meddler.refuses[place{state: state, action: action}] = true
}

// Interrupt does act once, while the first call of an action in a state waits.
// act must not wait for that call.
func (s *Stage) Interrupt(state, action string, act func() error) {
	s.meddler.mu.Lock()
	defer s.meddler.mu.Unlock()
	s.meddler.interrupts[place{state: state, action: action}] = func() { s.meddler.fail(act()) }
}

// Put uploads any object, as the uploader.
func (s *Stage) Put(key, text string) error {
	_, err := s.cloud.Upload(s.ctx, key, strings.NewReader(text))
	return err
}

// KeepEvents keeps the events of data sets until release is called, which
// returns how each is delivered.
func (s *Stage) KeepEvents() (release func() []func() error) {
	kept := s.cloud.KeepUploads()
	return func() []func() error {
		var deliveries []func() error
		for _, event := range kept() {
			deliveries = append(deliveries, func() error { return s.cloud.Deliver(s.ctx, event) })
		}
		return deliveries
	}
}

// Hold stops virtual time until release is called.
func (s *Stage) Hold() (release func()) { return s.cloud.StepFunctions.Hold() }

// Finish waits until every execution has ended, and what their ends set off.
func (s *Stage) Finish() error {
	for waited := 0; ; {
		started := s.started()
		if waited == len(started) {
			return nil
		}
		for ; waited < len(started); waited++ {
			if _, err := s.cloud.Wait(s.ctx, started[waited]); err != nil {
				return err
			}
		}
	}
}

// started are the executions of this scenario, in no particular order.
func (s *Stage) started() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.cloud.Started(), s.executions...)
}

// Follow has Finish wait for an execution that the workload started itself.
func (s *Stage) Follow(executionARN string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.executions = append(s.executions, executionARN)
}

// Whenever does act each time a state is entered. act must not wait for an
// execution.
func (s *Stage) Whenever(state string, act func(stepfunctions.Execution) error) {
	s.meddler.mu.Lock()
	defer s.meddler.mu.Unlock()
	s.meddler.whenever[state] = act
}

// RollBack goes back to the publication before the one that is served, as an
// operator does.
func (s *Stage) RollBack() error {
	asked, err := operator.RollBack(s.ctx, s.cloud.Operator().SFN, s.cloud.Registry(), s.cloud.Machine().ARN, s.model, "")
	if err != nil {
		return err
	}
	s.Follow(asked.ExecutionARN)
	return nil
}

// someone is who answers, as GetCallerIdentity says.
type someone struct{}

// GetCallerIdentity answers with an operator's ARN.
func (someone) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Arn: aws.String("arn:aws:sts::" + rehearsal.AccountID + ":assumed-role/operator/someone")}, nil
}

// Answer answers what every run asks before it spends, as soon as it waits.
func (s *Stage) Answer(decision string) {
	s.Whenever("WaitForApproval", func(e stepfunctions.Execution) error {
		var input finetune.ExecutionInput
		if err := json.Unmarshal(e.Input, &input); err != nil {
			return fmt.Errorf("reading the input of %s: %w", e.ARN, err)
		}
		_, err := operator.Reply(s.ctx, someone{}, s.cloud.Registry(), input.Dataset.RunID(), operator.Answer{Decision: decision, For: 24 * time.Hour, At: time.Now()})
		return err
	})
}

// Sweep starts a sweep, as the stack's schedule does.
func (s *Stage) Sweep() error {
	s.sweeps = true
	arn, err := s.cloud.StartSweep(s.ctx)
	if err != nil {
		return err
	}
	s.Follow(arn)
	return nil
}

// DeleteStack deletes the stack.
func (s *Stage) DeleteStack() error {
	response, err := s.cloud.DeleteStack(s.ctx)
	var refused *runtimeapi.ServiceError
	if errors.Is(err, rehearsal.ErrNoResponse) || errors.As(err, &refused) { // CloudFormation gives up in the end
		response, err = control.Response{Status: "FAILED", Reason: err.Error()}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deletion = &response
	return err
}

// settle ends a scenario while its fault still holds: whatever it set off ends.
func (s *Stage) settle() error {
	if err := s.Finish(); err != nil {
		return err
	}
	s.meddler.mu.Lock()
	late := s.meddler.late
	s.meddler.mu.Unlock()
	if late != nil {
		late()
	}
	s.meddler.background.Wait()
	return errors.Join(s.idle(), s.Finish())
}

// idle waits until no function is at work, for an execution that was stopped
// does not wait for what it had invoked.
func (s *Stage) idle() error {
	for s.cloud.Lambda().Busy() {
		select {
		case <-s.ctx.Done():
			return fmt.Errorf("waiting for functions to end: %w", s.ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// nextSweeps are enough for what a sweep left undone: one tells, one releases, and
// one finds nothing.
const nextSweeps = 3

// mend does what the runbook tells people to do once the fault is gone: start a
// release that did not succeed again with the same input, give the commands that
// the ends of runs name, and delete a stack again that could not be deleted. It
// returns the executions of the releases.
func (s *Stage) mend() (mended []string, err error) {
	release := s.meddler.release
	for _, e := range s.cloud.StepFunctions.Executions(release) {
		if e.Status == stepfunctions.Succeeded || !s.began(e) {
			continue
		}
		mended = append(mended, e.ARN)
		arn, err := s.cloud.StepFunctions.StartExecution(s.ctx, release, "", e.Input)
		if err != nil {
			return mended, err
		}
		once, err := s.cloud.Wait(s.ctx, arn)
		if err != nil {
			return mended, err
		}
		if once.Status != stepfunctions.Succeeded {
			return mended, fmt.Errorf("the release %s did not succeed when it was started again as %s: %s: %s", e.ARN, arn, once.Error, once.Cause)
		}
	}
	for n := 0; s.sweeps && n < nextSweeps; n++ { // the next ones: to be told, and to be released
		s.cloud.Clock.Advance(2 * time.Hour)
		if err := errors.Join(s.Sweep(), s.Finish()); err != nil {
			return mended, err
		}
	}
	s.later() // people do not hurry, and what is under way has ended
	if err := s.obey(); err != nil {
		return mended, err
	}
	if s.deletion != nil && s.deletion.Status != "SUCCESS" {
		if err := s.DeleteStack(); err != nil {
			return mended, err
		}
		if err := s.Finish(); err != nil {
			return mended, err
		}
	}
	return mended, nil
}

// began says whether a release is about an execution of this scenario.
func (s *Stage) began(release stepfunctions.Execution) bool {
	var input finetune.StatusRelease
	if err := json.Unmarshal(release.Input, &input); err != nil {
		return false
	}
	return slices.Contains(s.started(), input.ExecutionARN)
}

// concerns says whether an execution is of this scenario.
func (s *Stage) concerns(e stepfunctions.Execution) bool {
	return slices.Contains(s.started(), e.ARN) || s.began(e)
}

// leave takes the scenario's records away, which the sweeps of others would read.
func (s *Stage) leave() error {
	keys := []string{finetune.RegistryKey(s.model)}
	for _, u := range s.uploads {
		keys = append(keys, finetune.RunKey(u.run))
	}
	for _, key := range keys {
		if _, err := s.cloud.Administrator().S3.DeleteObject(s.ctx, &s3.DeleteObjectInput{Bucket: aws.String(s.cloud.Bucket()), Key: &key}); err != nil {
			return fmt.Errorf("removing %s: %w", key, err)
		}
	}
	return nil
}

// later lets what is under way in Bedrock come to its end.
func (s *Stage) later() {
	s.cloud.Clock.Advance(2 * time.Hour)
	s.cloud.Bedrock.Settle(s.ctx)
}

// ask asks the model through the inference API, and returns status and answer.
func (s *Stage) ask(question string) (int, string, error) {
	body, err := json.Marshal(map[string]any{"messages": []any{
		map[string]any{"role": "user", "content": []any{map[string]any{"text": question}}},
	}})
	if err != nil {
		return 0, "", err
	}
	status, text, err := s.cloud.Converse(s.ctx, s.model, body)
	if err != nil || status != 200 {
		return status, string(text), err
	}
	var out struct {
		Output struct {
			Message struct {
				Content []struct{ Text string }
			}
		}
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return status, "", fmt.Errorf("reading the model's answer: %w", err)
	}
	if len(out.Output.Message.Content) == 0 {
		return status, "", nil
	}
	return status, out.Output.Message.Content[0].Text, nil
}
