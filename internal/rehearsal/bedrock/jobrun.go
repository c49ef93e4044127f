package bedrock

import (
	"context"
	"slices"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// stage is where a job is.
type stage int

const (
	stageValidation stage = iota
	stageDataProcessing
	stageTraining
	stageStopping
	stageOver
)

// stageNames are the stages as the API's statusDetails has them.
var stageNames = []string{"validation", "dataProcessing", "training"}

// unexpectedError is the service's text for a failure of its own.
const unexpectedError = "Encountered an unexpected error when processing the request, please try again"

// stageTimes is when a stage of a job began and last changed.
type stageTimes struct {
	started, changed time.Time
	status           string
}

// job is a customization job with what moves it.
type job struct {
	Job
	id, modelID string
	base        BaseModel
	parent      *model
	modelTags   []tag
	outcome     JobOutcome

	stage  stage
	due    time.Time // when the stage ends
	stages [3]stageTimes

	training   []example
	validation [][]example
}

func (j *job) over() bool { return j.stage == stageOver }

// enter begins a stage at the given time.
func (j *job) enter(s stage, at time.Time, takes Duration) {
	j.leave(at, statusCompleted)
	j.stage, j.due, j.Modified = s, at.Add(time.Duration(takes)), at
	if int(s) < len(j.stages) {
		j.stages[s] = stageTimes{started: at, changed: at, status: statusInProgress}
		j.Stage = stageNames[s]
	}
}

// leave gives the stage that is under way its end status.
func (j *job) leave(at time.Time, status string) {
	for i := range j.stages {
		if s := &j.stages[i]; s.status == statusInProgress || s.status == statusStopping {
			s.status, s.changed = status, at
		}
	}
}

// stop turns the job to Stopping.
func (j *job) stop(at time.Time, takes Duration) {
	j.leave(at, statusStopping)
	j.Status, j.stage, j.Modified = statusStopping, stageStopping, at
	j.due = at.Add(time.Duration(takes))
}

// end closes the job with its final status.
func (j *job) end(at time.Time, status, failure string) {
	j.leave(at, status)
	j.Status, j.FailureMessage, j.stage = status, failure, stageOver
	j.Modified, j.Ended = at, at
}

// statusDetails is StatusDetails: each stage with its status and times.
func (j *job) statusDetails() map[string]any {
	details := map[string]any{}
	for i, s := range j.stages {
		detail := map[string]any{"status": statusNotStarted}
		if s.status != "" {
			detail = map[string]any{"status": s.status, "creationTime": iso(s.started), "lastModifiedTime": iso(s.changed)}
		}
		details[stageNames[i]+"Details"] = detail
	}
	return details
}

// settle lets everything that is due by now happen, in the order of time.
func (d *Double) settle(ctx context.Context) {
	now := d.o.Clock.Now()
	for _, j := range d.jobs {
		for !j.over() && !j.due.After(now) {
			d.advance(ctx, j)
		}
	}
	for _, m := range d.models {
		if m.Status == statusCreating && !m.readyAt.After(now) {
			m.Status = statusActive
		}
	}
	for _, p := range d.deployments {
		p.settle(now)
	}
	for _, t := range d.throughputs {
		t.settle(now)
	}
}

// due lists the times at which something changes by itself.
func (d *Double) due() []time.Time {
	var times []time.Time
	for _, j := range d.jobs {
		if !j.over() {
			times = append(times, j.due)
		}
	}
	for _, m := range d.models {
		if m.Status == statusCreating {
			times = append(times, m.readyAt)
		}
	}
	for _, p := range d.deployments {
		if p.busy() {
			times = append(times, p.readyAt)
		}
	}
	for _, t := range d.throughputs {
		if t.busy() {
			times = append(times, t.readyAt)
		}
	}
	return times
}

// advance ends the job's stage at the time it is due.
func (d *Double) advance(ctx context.Context, j *job) {
	at := j.due
	if j.stage != stageStopping && j.outcome.Status != "" && j.forcedStage() == j.stage {
		d.force(j, at)
		return
	}
	switch j.stage {
	case stageValidation:
		if failure := d.readData(ctx, j); failure != "" {
			j.end(at, statusFailed, failure)
			return
		}
		j.enter(stageDataProcessing, at, d.o.Scenario.Durations.DataProcessing)
	case stageDataProcessing:
		if denied := d.attachNetwork(j, at); denied != nil {
			d.note("attaching job %s to the VPC: %s", j.Name, denied.Message)
			j.end(at, statusFailed, "The service role is not authorized to attach the job to the VPC.")
			return
		}
		j.enter(stageTraining, at, d.trainingTime(j))
	case stageTraining:
		d.complete(ctx, j, at)
		d.detachNetwork(j, at)
	case stageStopping:
		j.end(at, statusStopped, "")
		d.detachNetwork(j, at)
	case stageOver:
	}
}

// forcedStage is the stage in which the scenario ends the job.
func (j *job) forcedStage() stage {
	if i := slices.Index(stageNames, j.outcome.Stage); i >= 0 {
		return stage(i)
	}
	return stageTraining
}

// force ends the job as the scenario says.
func (d *Double) force(j *job, at time.Time) {
	if j.outcome.Status == statusStopped {
		j.stop(at, d.o.Scenario.Durations.Stopping)
		return
	}
	message := j.outcome.FailureMessage
	if message == "" {
		message = unexpectedError
	}
	j.end(at, statusFailed, message)
	d.detachNetwork(j, at)
}

// trainingTime is how long training takes: records times epochs, but never
// less than the minimum. A job that is forced to end in training does so half
// way.
func (d *Double) trainingTime(j *job) Duration {
	durations := d.o.Scenario.Durations
	takes := max(durations.TrainingMinimum, Duration(j.Records*j.epochs())*durations.TrainingPerRow)
	if j.outcome.Status != "" && j.forcedStage() == stageTraining {
		takes /= 2
	}
	return takes
}

// complete writes the metrics and makes the custom model.
func (d *Double) complete(ctx context.Context, j *job, at time.Time) {
	if failure := d.writeMetrics(ctx, j); failure != "" {
		j.end(at, statusFailed, failure)
		return
	}
	rows := j.training
	if j.parent != nil {
		rows = append(slices.Clone(j.parent.learnt.examples), rows...)
	}
	creating := d.o.Scenario.Durations.ModelCreating
	if j.outcome.ModelCreating != 0 {
		creating = j.outcome.ModelCreating
	}
	m := &model{
		Model: Model{
			ARN: d.arn("custom-model", j.base.ID+"/"+j.modelID), Name: j.ModelName, Status: statusCreating,
			JobARN: j.ARN, JobName: j.Name, BaseModel: j.base.ID, KMSKey: j.KMSKey, Created: at,
		},
		job: j, base: j.base, learnt: newLearnt(rows), readyAt: at.Add(time.Duration(creating)),
	}
	d.models = append(d.models, m)
	d.setTags(m.ARN, j.modelTags)
	j.ModelARN = m.ARN
	j.end(at, statusCompleted, "")
}

// attachNetwork records what Bedrock does with the service role to put a job
// into the VPC, up to what its policies deny.
func (d *Double) attachNetwork(j *job, at time.Time) *calls.Denial {
	for _, c := range d.attachments(j, at) {
		if denial := d.o.Log.Authorize(c); denial != nil {
			return denial
		}
		d.o.Log.Record(c)
	}
	return nil
}

func (d *Double) attachments(j *job, at time.Time) []calls.Call {
	if len(j.Subnets) == 0 {
		return nil
	}
	var all []calls.Call
	add := func(action, resource string, keys map[string]string) {
		all = append(all, d.ec2(j, at, action, resource, keys))
	}
	for _, what := range []string{"NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups"} {
		add("Describe"+what, "*", nil)
	}
	add("CreateNetworkInterface", d.ec2ARN("network-interface", "*"), map[string]string{
		"aws:RequestTag/BedrockManaged":                  "true",
		"aws:RequestTag/BedrockModelCustomizationJobArn": j.ARN,
		"aws:TagKeys": "BedrockManaged,BedrockModelCustomizationJobArn",
	})
	for _, id := range j.Subnets {
		add("CreateNetworkInterface", d.ec2ARN("subnet", id), nil)
	}
	for _, id := range j.SecurityGroups {
		add("CreateNetworkInterface", d.ec2ARN("security-group", id), nil)
	}
	add("CreateTags", d.ec2ARN("network-interface", "*"), map[string]string{
		"ec2:CreateAction": "CreateNetworkInterface",
		"aws:TagKeys":      "BedrockManaged,BedrockModelCustomizationJobArn",
	})
	return append(all, d.onInterface(j, at, "CreateNetworkInterfacePermission"))
}

// detachNetwork records the removal of what attachNetwork made. What the
// policies deny stays behind, with a note.
func (d *Double) detachNetwork(j *job, at time.Time) {
	if len(j.Subnets) == 0 || j.stages[stageTraining].status == "" {
		return
	}
	for _, action := range []string{"DeleteNetworkInterfacePermission", "DeleteNetworkInterface"} {
		c := d.onInterface(j, at, action)
		if denial := d.o.Log.Authorize(c); denial != nil {
			d.note("detaching job %s from the VPC: %s", j.Name, denial.Message)
			return
		}
		d.o.Log.Record(c)
	}
}

func (d *Double) onInterface(j *job, at time.Time, action string) calls.Call {
	return d.ec2(j, at, action, d.ec2ARN("network-interface", "*"), map[string]string{
		"ec2:Subnet":                     d.ec2ARN("subnet", j.Subnets[0]),
		"ec2:ResourceTag/BedrockManaged": "true",
		"ec2:ResourceTag/BedrockModelCustomizationJobArn": j.ARN,
	})
}

// ec2 is a call that Bedrock makes to EC2 with the service role.
func (d *Double) ec2(j *job, at time.Time, action, resource string, keys map[string]string) calls.Call {
	return calls.Call{
		Time: at, Principal: d.o.ServicePrincipal(j.RoleARN), Action: "ec2:" + action,
		Resource: resource, Context: keys, Status: 200,
	}
}

func (d *Double) ec2ARN(kind, id string) string {
	return "arn:aws:ec2:" + d.o.Region + ":" + d.o.AccountID + ":" + kind + "/" + id
}
