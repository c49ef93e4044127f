package finetune

import "time"

// Execution is the whole execution document, in the order it grows. No code
// handles it whole: every task is passed the view it needs. It exists so that
// a test can hold every path in the state machine against it.
type Execution struct {
	Dataset    Dataset    `json:"dataset"`
	Resume     bool       `json:"resume"`
	Rollback   bool       `json:"rollback"`
	Report     Report     `json:"report"`
	Spend      Spend      `json:"spend"`
	Job        Job        `json:"job"`
	Model      Model      `json:"model"`
	Results    Results    `json:"results"`
	Throughput Throughput `json:"throughput"`
	// SmokeTest is what the new capacity answered with.
	SmokeTest SmokeTest `json:"smokeTest"`
	Endpoint  Endpoint  `json:"endpoint"`
	Error     Failure   `json:"error"`
	// ReleaseError is why ReleaseRun itself failed.
	ReleaseError Failure `json:"releaseError"`
	// NoticeError is why a notice could not be sent.
	NoticeError Failure `json:"noticeError"`
	End         Closing `json:"end"`
}

// ValidateInput is ValidateDataset's view.
type ValidateInput struct {
	ExecutionARN string  `json:"executionArn"`
	Dataset      Dataset `json:"dataset"`
	Resume       bool    `json:"resume"`
	Rollback     bool    `json:"rollback"`
}

// SubmitInput is SubmitJob's view.
type SubmitInput struct {
	Run        Run       `json:"run"`
	Settings   Settings  `json:"settings"`
	Training   Accepted  `json:"training"`
	Validation *Accepted `json:"validation"`
}

// PollInput is PollJob's or PollThroughput's view: a job alone, or a
// throughput with the model it shall serve. The answer is the noun, refreshed.
type PollInput struct {
	Job        *Job        `json:"job,omitempty"`
	Throughput *Throughput `json:"throughput,omitempty"`
	Model      *Model      `json:"model,omitempty"`
}

// AnalyzeInput is AnalyzeResults' view.
type AnalyzeInput struct {
	Run Run `json:"run"`
	Job Job `json:"job"`
}

// Actions of the throughput function.
const (
	ActionApprove   = "approve"
	ActionSecure    = "secure"
	ActionSmokeTest = "smoke-test"
	ActionPublish   = "publish"
	ActionRelease   = "release"
)

// ThroughputInput is the view of every state that the throughput function
// serves; which fields are filled depends on Action.
//
//	approve     executionArn, run, settings, training, spend        → Spend
//	secure      run, settings, model                                → Throughput
//	smoke-test  run, throughput                                     → SmokeTest
//	publish     run, settings, training, model, results, throughput → Endpoint
//	release     executionArn, dataset, error                        → Closing
//	release     executionArn, status (of an execution that ended)   → Closing
//	sweep       scheduledTime                                       → Sweep
//	sweep-told  told                                                → nothing
type ThroughputInput struct {
	Action       string      `json:"action"`
	ExecutionARN string      `json:"executionArn,omitempty"`
	Dataset      *Dataset    `json:"dataset,omitempty"`
	Run          *Run        `json:"run,omitempty"`
	Settings     *Settings   `json:"settings,omitempty"`
	Training     *Accepted   `json:"training,omitempty"`
	Spend        *Spend      `json:"spend,omitempty"`
	Model        *Model      `json:"model,omitempty"`
	Results      *Results    `json:"results,omitempty"`
	Throughput   *Throughput `json:"throughput,omitempty"`
	Error        *Failure    `json:"error,omitempty"`
	// Status is the execution's status: FAILED, TIMED_OUT or ABORTED.
	Status string `json:"status,omitempty"`
	// ScheduledTime is when the sweep was to start.
	ScheduledTime *time.Time `json:"scheduledTime,omitempty"`
	Told          []Told     `json:"told,omitempty"`
}

// StatusRelease is what the status rule starts the release machine with: whose
// execution ended, and with which status. The machine adds the action, which
// makes it a [ThroughputInput]. The execution's input is not among the fields: Step Functions leaves input, output, error and cause out of the
// events of a machine that is encrypted with a customer managed key
// (https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html).
// The data set is found by the execution instead, under [ExecutionKey].
type StatusRelease struct {
	ExecutionARN string `json:"executionArn"`
	// Status is FAILED, TIMED_OUT or ABORTED.
	Status string `json:"status"`
}

// SmokeTest is one real request's answer, by its measure and not its text.
type SmokeTest struct {
	// StopReason is Converse's stopReason.
	StopReason   string `json:"stopReason"`
	OutputTokens int    `json:"outputTokens"`
}
