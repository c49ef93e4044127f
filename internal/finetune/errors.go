package finetune

import (
	"errors"
	"fmt"
)

// Kind is the name of an error as the state machine sees it. The list is
// closed: every kind is caught or retried somewhere in the state machine, and
// whatever has no kind is Internal.
type Kind string

// The kinds of error.
const (
	// DatasetRejected: the data's fault; the report has the findings with their
	// lines, or the message what Bedrock says.
	DatasetRejected Kind = "DatasetRejected"
	// SettingsRejected: the settings', the key's or the base model's fault.
	SettingsRejected Kind = "SettingsRejected"
	// Superseded: a newer upload of the same model is published already.
	Superseded Kind = "Superseded"
	// RunClosed: the run was closed while a step of it was at work.
	RunClosed Kind = "RunClosed"
	// Throttled: asked too fast; trying again soon helps.
	Throttled Kind = "Throttled"
	// Unavailable: a service's fault or a lost connection; trying again soon helps.
	Unavailable Kind = "Unavailable"
	// Busy: somebody else's work must end first (a concurrency quota, a lease);
	// waiting long helps.
	Busy Kind = "Busy"
	// ModelUnitQuota: AWS has not granted the model units; only a person can help.
	ModelUnitQuota Kind = "ModelUnitQuota"
	// SpendRefused: an operator rejected what the run was about to spend.
	SpendRefused Kind = "SpendRefused"
	// SpendUnanswered: it is over a ceiling, and nobody approved it in time.
	SpendUnanswered Kind = "SpendUnanswered"
	// AccessDenied: a permission is missing.
	AccessDenied Kind = "AccessDenied"
	// JobFailed, JobStopped, JobOverdue: how a job ended without a model.
	JobFailed  Kind = "JobFailed"
	JobStopped Kind = "JobStopped"
	JobOverdue Kind = "JobOverdue"
	// JobNotPrivate: Bedrock shows the job without our subnets, security groups
	// or key; it is stopped.
	JobNotPrivate Kind = "JobNotPrivate"
	// ResultsRejected: the metrics say the model is worse than nothing.
	ResultsRejected Kind = "ResultsRejected"
	// ModelDeleted: the run's custom model does not exist any more.
	ModelDeleted Kind = "ModelDeleted"
	// ThroughputFailed, ThroughputOverdue: capacity was asked for and did not come.
	ThroughputFailed  Kind = "ThroughputFailed"
	ThroughputOverdue Kind = "ThroughputOverdue"
	// SmokeTestFailed: the new capacity did not answer a real request.
	SmokeTestFailed Kind = "SmokeTestFailed"
	// ReleaseUnfinished: something the run bought could not be released.
	ReleaseUnfinished Kind = "ReleaseUnfinished"
	// Internal: everything else.
	Internal Kind = "Internal"
)

// Kinds lists every kind, in the order of the steps that raise them.
func Kinds() []Kind {
	return []Kind{
		DatasetRejected, SettingsRejected, Superseded, RunClosed,
		SpendRefused, SpendUnanswered,
		Throttled, Unavailable, Busy, ModelUnitQuota, AccessDenied,
		JobFailed, JobStopped, JobOverdue, JobNotPrivate, ResultsRejected, ModelDeleted,
		ThroughputFailed, ThroughputOverdue, SmokeTestFailed,
		ReleaseUnfinished, Internal,
	}
}

// Error is an error with a kind. Its text carries ids and what to do next,
// never anything out of a data set.
type Error struct {
	Kind Kind
	// Message is for a person: what happened, to which id, and the next step.
	Message string
	// Err is the underlying error, or nil.
	Err error
}

// Errorf returns an Error with a message; a %w verb sets what it wraps.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the message, which already contains the wrapped error's text.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain, and whether there
// is one.
func KindOf(err error) (Kind, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind, true
	}
	return Internal, false
}
