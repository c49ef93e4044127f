package bedrock

import (
	"strings"
	"time"
)

// s3Config is TrainingDataConfig, OutputDataConfig or a Validator.
type s3Config struct {
	S3URI string `json:"s3Uri,omitempty"`
}

// vpcConfig is VpcConfig.
type vpcConfig struct {
	SubnetIDs        []string `json:"subnetIds"`
	SecurityGroupIDs []string `json:"securityGroupIds"`
}

// tag is Tag.
type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// createJobInput is CreateModelCustomizationJobRequest.
type createJobInput struct {
	JobName              string            `json:"jobName"`
	CustomModelName      string            `json:"customModelName"`
	RoleARN              string            `json:"roleArn"`
	ClientRequestToken   string            `json:"clientRequestToken"`
	BaseModelIdentifier  string            `json:"baseModelIdentifier"`
	CustomizationType    string            `json:"customizationType"`
	KMSKey               string            `json:"customModelKmsKeyId"`
	JobTags              []tag             `json:"jobTags"`
	CustomModelTags      []tag             `json:"customModelTags"`
	TrainingDataConfig   s3Config          `json:"trainingDataConfig"`
	OutputDataConfig     s3Config          `json:"outputDataConfig"`
	HyperParameters      map[string]string `json:"hyperParameters"`
	VPCConfig            *vpcConfig        `json:"vpcConfig"`
	ValidationDataConfig struct {
		Validators []s3Config `json:"validators"`
	} `json:"validationDataConfig"`
	CustomizationConfig map[string]any `json:"customizationConfig"`
}

func (in createJobInput) validationURIs() []string {
	var uris []string
	for _, v := range in.ValidationDataConfig.Validators {
		uris = append(uris, v.S3URI)
	}
	return uris
}

func (d *Double) createJob(rq *request) (any, *apiError) {
	var in createJobInput
	if err := rq.in.Decode(&in); err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	if arn, known := d.knownToken(rq, in.ClientRequestToken, in); known {
		return map[string]any{"jobArn": arn}, nil
	}
	base, parent, refused := d.checkJob(rq, in)
	if refused != nil {
		return nil, refused
	}
	j := d.newJob(rq, in, base, parent)
	d.jobs = append(d.jobs, j)
	d.setTags(j.ARN, in.JobTags)
	d.remember(rq, in.ClientRequestToken, in, j.ARN)
	return map[string]any{"jobArn": j.ARN}, nil
}

func (d *Double) newJob(rq *request, in createJobInput, base BaseModel, parent *model) *job {
	j := &job{
		Job: Job{
			ARN: d.arn("model-customization-job", base.ID+"/"+rq.id), Name: in.JobName, Token: in.ClientRequestToken,
			Status: statusInProgress, BaseModel: base.ID, BaseIdentifier: in.BaseModelIdentifier,
			RoleARN: in.RoleARN, KMSKey: in.KMSKey, TrainingURI: in.TrainingDataConfig.S3URI,
			OutputURI: in.OutputDataConfig.S3URI, ValidationURIs: in.validationURIs(),
			HyperParameters: in.HyperParameters, ModelName: in.CustomModelName,
			Created: rq.now, Modified: rq.now, CustomizationType: "FINE_TUNING",
		},
		id: rq.id, modelID: rq.modelID, base: base, parent: parent, modelTags: in.CustomModelTags,
	}
	for _, outcome := range d.o.Scenario.Jobs {
		if outcome.matches(in.JobName, len(d.jobs)+1) {
			j.outcome = outcome
			break
		}
	}
	if in.VPCConfig != nil && !j.outcome.LosesVPCConfig {
		j.Subnets, j.SecurityGroups = in.VPCConfig.SubnetIDs, in.VPCConfig.SecurityGroupIDs
	}
	j.enter(stageValidation, rq.now, d.o.Scenario.Durations.Validation)
	return j
}

func (d *Double) getJob(rq *request) (any, *apiError) {
	j := d.findJob(rq.str("jobIdentifier"))
	if j == nil {
		return nil, notFound("The customization job could not be found")
	}
	return d.jobDetails(j), nil
}

// jobDetails is GetModelCustomizationJobResponse.
func (d *Double) jobDetails(j *job) map[string]any {
	validators := make([]s3Config, 0, len(j.ValidationURIs))
	for _, uri := range j.ValidationURIs {
		validators = append(validators, s3Config{uri})
	}
	details := map[string]any{
		"jobArn": j.ARN, "jobName": j.Name, "outputModelName": j.ModelName, "roleArn": j.RoleARN,
		"status": j.Status, "statusDetails": j.statusDetails(), "baseModelArn": d.foundationARN(j.base.ID),
		"creationTime": iso(j.Created), "lastModifiedTime": iso(j.Modified),
		"trainingDataConfig": s3Config{j.TrainingURI}, "outputDataConfig": s3Config{j.OutputURI},
		"validationDataConfig": map[string]any{"validators": validators},
		"customizationType":    j.CustomizationType,
	}
	put(details, "clientRequestToken", j.Token)
	put(details, "failureMessage", j.FailureMessage)
	put(details, "outputModelArn", j.ModelARN)
	put(details, "outputModelKmsKeyArn", keyARN(j.KMSKey))
	if len(j.HyperParameters) > 0 {
		details["hyperParameters"] = j.HyperParameters
	}
	if !j.Ended.IsZero() {
		details["endTime"] = iso(j.Ended)
	}
	if len(j.Subnets) > 0 {
		details["vpcConfig"] = vpcConfig{j.Subnets, j.SecurityGroups}
	}
	putMetrics(details, j)
	return details
}

// putMetrics adds the final losses of a completed job.
func putMetrics(details map[string]any, j *job) {
	if j.Status != statusCompleted {
		return
	}
	details["trainingMetrics"] = map[string]any{"trainingLoss": j.TrainingLoss}
	losses := make([]map[string]any, 0, len(j.ValidationLosses))
	for _, loss := range j.ValidationLosses {
		losses = append(losses, map[string]any{"validationLoss": loss})
	}
	if len(losses) > 0 {
		details["validationMetrics"] = losses
	}
}

func (d *Double) stopJob(rq *request) (any, *apiError) {
	j := d.findJob(rq.str("jobIdentifier"))
	if j == nil {
		return nil, notFound("The customization job could not be found")
	}
	if j.Status != statusInProgress {
		return nil, refuse("ConflictException", "The customization job is %s and cannot be stopped", j.Status)
	}
	j.stop(rq.now, d.o.Scenario.Durations.Stopping)
	return map[string]any{}, nil
}

func (d *Double) listJobs(rq *request) (any, *apiError) {
	items := filterItems(rq, d.jobs, func(j *job) listItem {
		return listItem{name: j.Name, status: j.Status, created: j.Created, summary: d.jobSummary(j)}
	}, "creationTimeAfter", "creationTimeBefore", "statusEquals")
	return page(rq, items, "modelCustomizationJobSummaries")
}

// jobSummary is ModelCustomizationJobSummary.
func (d *Double) jobSummary(j *job) map[string]any {
	summary := map[string]any{
		"jobArn": j.ARN, "jobName": j.Name, "baseModelArn": d.foundationARN(j.base.ID), "status": j.Status,
		"statusDetails": j.statusDetails(), "creationTime": iso(j.Created), "lastModifiedTime": iso(j.Modified),
		"customModelName": j.ModelName, "customizationType": j.CustomizationType,
	}
	put(summary, "customModelArn", j.ModelARN)
	if !j.Ended.IsZero() {
		summary["endTime"] = iso(j.Ended)
	}
	return summary
}

// put sets a member unless it is empty.
func put(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

// keyARN is a key's ARN for answers; an alias or a bare id is not resolved
// and left out.
func keyARN(key string) string {
	if strings.HasPrefix(key, "arn:") && strings.Contains(key, ":key/") {
		return key
	}
	return ""
}

// iso writes a time as the API's timestamps are.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
