package finetune

// Outcomes of the data set check, as $.report.outcome.
const (
	// OutcomeAccepted: the data set was checked and copied; a job may be paid for.
	OutcomeAccepted = "Accepted"
	// OutcomeDuplicate: another execution owns this upload; nothing is done.
	OutcomeDuplicate = "Duplicate"
)

// Settings is how one run is tuned and served, after the stack's defaults, the
// model's tuning.json and the base model's own defaults were put together.
type Settings struct {
	// BaseModel is a base model identifier, as CreateModelCustomizationJob takes it.
	BaseModel string `json:"baseModel"`
	// CustomizationType is the API's word, such as FINE_TUNING.
	CustomizationType string `json:"customizationType"`
	// Hyperparameters are the API's names and values; values are strings there.
	Hyperparameters map[string]string `json:"hyperparameters"`
	Serving         Serving           `json:"serving"`
}

// Serving modes, as configured. A run's settings never hold ServeAuto: the
// check resolves it by what the base model offers.
const (
	ServeAuto        = "auto"
	ServeOnDemand    = "on-demand"
	ServeProvisioned = "provisioned"
)

// Serving is how the custom model is served.
type Serving struct {
	// Mode is ServeOnDemand or ServeProvisioned (ServeAuto in a configuration).
	Mode string `json:"mode"`
	// ModelUnits is how many model units to buy; 0 unless provisioned.
	ModelUnits int `json:"modelUnits"`
	// Commitment is "", "OneMonth" or "SixMonths"; "" buys by the hour.
	Commitment string `json:"commitment"`
}

// Accepted is a checked copy of a data set, written by the check only and read
// by Bedrock's service role only.
type Accepted struct {
	// URI is its s3:// URI, in Bedrock's narrow alphabet.
	URI string `json:"uri"`
	// VersionID is the version of the user's object that was checked and copied.
	VersionID string `json:"versionId"`
	// SHA256 is the hexadecimal digest of its bytes.
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Records int64  `json:"records"`
	// Tokens is the estimate of its tokens by its characters, of one epoch.
	Tokens int64 `json:"tokens"`
}

// Report is what ValidateDataset answers. Of a duplicate only Outcome is set.
type Report struct {
	Outcome  string   `json:"outcome"`
	Run      Run      `json:"run"`
	Settings Settings `json:"settings"`
	Training Accepted `json:"training"`
	// Validation is null when the model has no validation data.
	Validation *Accepted `json:"validation"`
	// ReportURI is where the findings are written.
	ReportURI string `json:"reportUri"`
}

// Job is a Bedrock model customization job. Status is the API's own word:
// InProgress, Completed, Failed, Stopping or Stopped.
type Job struct {
	ARN    string `json:"arn"`
	Name   string `json:"name"`
	Status string `json:"status"`
	// Phase is the part of the job under way, by GetModelCustomizationJob's
	// statusDetails: "validation", "dataProcessing", "training" or "".
	Phase string `json:"phase"`
	// FailureMessage is Bedrock's, of a job that failed.
	FailureMessage string `json:"failureMessage"`
	// OutputModelARN and OutputModelName are the custom model's, once completed.
	OutputModelARN  string `json:"outputModelArn"`
	OutputModelName string `json:"outputModelName"`
	// Verified is set once an earlier attempt of the run saw the job completed,
	// private and with its model: a model that is missing then was deleted, and
	// the stack's network may have changed since without the job's fault.
	Verified bool `json:"verified"`
	Waiting
}

// Waiting is how long a step has waited and will wait, in seconds. It is data,
// so that a Choice can lead an overdue wait to compensation: no Catch ever sees
// the machine's own time-out.
type Waiting struct {
	// WaitSeconds is the wait before the next poll.
	WaitSeconds int `json:"waitSeconds"`
	// WaitedSeconds is the sum of the waits so far.
	WaitedSeconds int `json:"waitedSeconds"`
	// DeadlineSeconds is the sum at which waiting is given up.
	DeadlineSeconds int `json:"deadlineSeconds"`
}

// Deadlines of the two waits.
const (
	// MaxJobDeadlineHours is the longest configurable deadline of a job: 14
	// days, about 18,500 of the 25,000 history events an execution may have.
	MaxJobDeadlineHours = 14 * 24
	// ThroughputDeadlineSeconds is the deadline of a throughput: 12 hours. AWS
	// documents none; a sample of theirs saw 20 to 30 minutes.
	ThroughputDeadlineSeconds = 12 * 3600
)

// The bounds of one wait, in seconds.
const (
	minWait = 30
	maxWait = 600
)

// NewWaiting starts to wait, with a deadline in seconds.
func NewWaiting(deadline int) Waiting {
	return Waiting{WaitSeconds: minWait, DeadlineSeconds: deadline}
}

// NoWaiting asks at once for what should be there already, and waits from then
// on; a deadline in seconds.
func NoWaiting(deadline int) Waiting {
	return Waiting{DeadlineSeconds: deadline}
}

// Next is the wait after the one that just passed: a tenth of what was waited
// so far, within 30 and 600 seconds, so that a short job is seen to end soon
// and a long one stays far below Step Functions' 25,000 history events.
func (w Waiting) Next() Waiting { return w.nextWithin(maxWait) }

// nextWithin is the same with another longest wait.
func (w Waiting) nextWithin(longest int) Waiting {
	w.WaitedSeconds += w.WaitSeconds
	w.WaitSeconds = min(max(w.WaitedSeconds/10, minWait), longest)
	return w
}

// Model is a custom model, the result of a job.
type Model struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
}

// Verdicts on a job's metrics, as $.results.verdict.
const (
	// VerdictUsable: the loss fell, or there is too little to judge by.
	VerdictUsable = "Usable"
	// VerdictDiverged: the loss is not a number or ended above its beginning;
	// nothing is bought for such a model.
	VerdictDiverged = "Diverged"
)

// Results is what a job's metrics say.
type Results struct {
	Verdict string `json:"verdict"`
	// Steps is the number of training steps with a loss.
	Steps int `json:"steps"`
	// TrainingLoss is the mean over the last fifth of the steps. Null when
	// Bedrock wrote no usable figure.
	TrainingLoss *float64 `json:"trainingLoss"`
	// ValidationLoss is the last one; null without validation data.
	ValidationLoss *float64 `json:"validationLoss"`
	// Reason is the verdict in words.
	Reason string `json:"reason"`
	// ReportURI is where the figures are written.
	ReportURI string `json:"reportUri"`
}

// Kinds of throughput, as $.throughput.kind.
const (
	// KindDeployment is a custom model deployment, billed by the token.
	KindDeployment = "deployment"
	// KindProvisioned is a provisioned throughput, billed by the hour.
	KindProvisioned = "provisioned"
)

// What a run did to get its throughput, as $.throughput.change.
const (
	// ChangeCreated: the run made it; releasing means deleting it.
	ChangeCreated = "Created"
	// ChangeUpdated: the run re-pointed a living provisioned throughput;
	// releasing means pointing it back.
	ChangeUpdated = "Updated"
	// ChangeFound: it stood already, kept from an earlier publication of the
	// run; releasing leaves it alone.
	ChangeFound = "Found"
)

// Throughput is the capacity a custom model is served by. Status is the API's
// own word: Creating, Active or Failed of a deployment; Creating, InService,
// Updating or Failed of a provisioned throughput.
type Throughput struct {
	Kind   string `json:"kind"`
	ARN    string `json:"arn"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Change string `json:"change"`
	// PreviousModelARN is what an updated throughput served before.
	PreviousModelARN string `json:"previousModelArn"`
	FailureMessage   string `json:"failureMessage"`
	Waiting
}

// Endpoint is what a caller reaches: a model's name, and the ARN that Bedrock
// takes as modelId in its place.
type Endpoint struct {
	Model   string `json:"model"`
	ModelID string `json:"modelId"`
}

// Failure is what an ASL Catch writes: the error's name and its cause.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// Ends of a run that are not Deployed, as $.end.end and in a run's record.
const (
	EndDeployed      = "Deployed"
	EndDuplicate     = "Duplicate"
	EndSuperseded    = "Superseded"
	EndRejected      = "Rejected"
	EndFailed        = "Failed"
	EndNeedsOperator = "NeedsOperator"
)

// Closing is how a run was closed: after whatever it bought and nothing else
// serves from was released.
type Closing struct {
	End string `json:"end"`
	// Error is the closed kind, Cause says what happened and what to do next.
	Error string `json:"error"`
	Cause string `json:"cause"`
}
