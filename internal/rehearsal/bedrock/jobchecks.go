package bedrock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// probeName is the object Bedrock writes to see whether it may.
const probeName = ".write_access_check_file.tmp"

// checkJob makes the checks Bedrock makes before it accepts a job and returns
// the foundation model and, when the base is one, the custom model.
func (d *Double) checkJob(rq *request, in createJobInput) (BaseModel, *model, *apiError) {
	base, parent, refused := d.resolveBase(in.BaseModelIdentifier)
	if refused != nil {
		return BaseModel{}, nil, refused
	}
	checks := []func() *apiError{
		func() *apiError { return d.checkBase(rq, base, parent, in) },
		func() *apiError { return checkHyperParameters(base, in.HyperParameters) },
		func() *apiError { return checkTags(in.JobTags, in.CustomModelTags) },
		func() *apiError { return d.checkKey(in.KMSKey) },
		func() *apiError { return d.checkNames(in) },
		func() *apiError { return d.checkJobQuotas() },
		func() *apiError {
			return d.checkAccessAtSubmit(rq.ctx, d.arn("model-customization-job", base.ID+"/"+rq.id), in)
		},
	}
	for _, check := range checks {
		if refused := check(); refused != nil {
			return BaseModel{}, nil, refused
		}
	}
	return base, parent, nil
}

// resolveBase finds the foundation model behind a base model identifier,
// which may also name a custom model.
func (d *Double) resolveBase(identifier string) (BaseModel, *model, *apiError) {
	if m := d.findModel(identifier); m != nil {
		return m.base, m, nil
	}
	if base, ok := d.baseModel(identifier); ok {
		return base, nil, nil
	}
	return BaseModel{}, nil, invalid("The provided model identifier %s is invalid in %s.", identifier, d.o.Region)
}

func (d *Double) checkBase(rq *request, base BaseModel, parent *model, in createJobInput) *apiError {
	if base.ended(rq.now) {
		return notFound("The model %s has reached the end of its life.", base.ID)
	}
	if base.legacy(rq.now) {
		return invalid("The model %s is in Legacy status. New customization jobs are not accepted for it.", base.ID)
	}
	if parent != nil && parent.Status != statusActive {
		return invalid("The custom model %s is %s and cannot be customized.", parent.Name, parent.Status)
	}
	if in.CustomizationType != "" && in.CustomizationType != "FINE_TUNING" {
		return invalid("The customization type %s is not supported for the model %s by the rehearsal.", in.CustomizationType, base.ID)
	}
	if in.CustomizationConfig != nil {
		return invalid("A customizationConfig does not go with the customization type FINE_TUNING.")
	}
	if in.TrainingDataConfig.S3URI == "" || strings.HasSuffix(in.TrainingDataConfig.S3URI, "/") {
		return invalid("The training data S3 URI must be a file, not a folder.")
	}
	return nil
}

// checkHyperParameters refuses names the base model does not list and values
// outside its ranges.
func checkHyperParameters(base BaseModel, given map[string]string) *apiError {
	for name, text := range given {
		allowed, ok := base.HyperParameters[name]
		if !ok {
			return invalid("The hyperparameter %s is not supported for the model %s.", name, base.ID)
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || (allowed.Integer && value != math.Trunc(value)) {
			return invalid("The hyperparameter %s must be a number of the right kind.", name)
		}
		if value < allowed.Min || value > allowed.Max {
			return invalid("The hyperparameter %s must be between %v and %v.", name, allowed.Min, allowed.Max)
		}
	}
	return nil
}

// maxTags is the number of tags a resource may have.
const maxTags = 50

func checkTags(lists ...[]tag) *apiError {
	for _, list := range lists {
		if len(list) > maxTags {
			return refuse("TooManyTagsException", "A resource can have at most %d tags.", maxTags)
		}
	}
	return nil
}

// checkKey refuses a key of another Region.
func (d *Double) checkKey(key string) *apiError {
	if strings.HasPrefix(key, "arn:") && strings.Split(key, ":")[3] != d.o.Region {
		return invalid("The KMS key must be in the Region of the job.")
	}
	return nil
}

func (d *Double) checkNames(in createJobInput) *apiError {
	if d.findJob(in.JobName) != nil {
		return refuse("ConflictException", "The provided job name is currently in use.")
	}
	if d.findModel(in.CustomModelName) != nil {
		return refuse("ConflictException", "The provided custom model name is currently in use.")
	}
	for _, j := range d.jobs {
		if j.ModelName == in.CustomModelName && !j.over() {
			return refuse("ConflictException", "The provided custom model name is currently in use.")
		}
	}
	return nil
}

func (d *Double) checkJobQuotas() *apiError {
	quotas := d.o.Scenario.Quotas
	running, creating := 0, 0
	for _, j := range d.jobs {
		if !j.over() {
			running++
		}
	}
	for _, m := range d.models {
		if m.Status == statusCreating {
			creating++
		}
	}
	switch {
	case running >= quotas.CustomizationJobs:
		return quotaExceeded("scheduled customization jobs", quotas.CustomizationJobs)
	case creating >= quotas.ModelsInCreation:
		return quotaExceeded("custom models with a creating status (L-C02E1E99)", quotas.ModelsInCreation)
	case len(d.models) >= quotas.CustomModels:
		return quotaExceeded("custom models per account (L-CB5B847D)", quotas.CustomModels)
	}
	return nil
}

func quotaExceeded(what string, limit int) *apiError {
	return refuse("ServiceQuotaExceededException", "The quota of %s is %d.", what, limit)
}

func (d *Double) checkAccessAtSubmit(ctx context.Context, jobARN string, in createJobInput) *apiError {
	if d.o.Scenario.AccessCheck != "submit" {
		return nil
	}
	uris := append([]string{in.TrainingDataConfig.S3URI}, in.validationURIs()...)
	if text := d.probe(ctx, jobARN, in.RoleARN, uris, in.OutputDataConfig.S3URI); text != "" {
		return invalid("%s", text)
	}
	return nil
}

// assume assumes the service role for a job, if its trust policy lets Bedrock.
func (d *Double) assume(ctx context.Context, jobARN, role string) (*s3.Client, error) {
	denial := d.o.Log.Authorize(calls.Call{
		Time: d.o.Clock.Now(), Principal: calls.Principal{Service: "bedrock.amazonaws.com"}, Action: "sts:AssumeRole", Resource: role,
		Context: map[string]string{"aws:SourceArn": jobARN, "aws:SourceAccount": d.o.AccountID},
	})
	if denial != nil {
		return nil, errors.New(denial.Message)
	}
	return d.o.AssumeRole(ctx, role)
}

// probe looks with the service role at what a job will read and write, and
// returns Bedrock's text for the first thing that is missing.
func (d *Double) probe(ctx context.Context, jobARN, role string, read []string, output string) string {
	client, err := d.assume(ctx, jobARN, role)
	if err != nil {
		d.note("assuming %s: %v", role, err)
		return unreadable(read[0])
	}
	for _, uri := range read {
		bucket, key := splitS3(uri)
		if _, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key}); err != nil {
			d.note("reading %s with %s: %v", uri, role, err)
			return unreadable(uri)
		}
	}
	bucket, prefix := splitS3(output)
	key := joinKey(prefix, probeName)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("")})
	if err != nil {
		d.note("writing s3://%s/%s with %s: %v", bucket, key, role, err)
		return unwritable(bucket, key)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		d.note("the write check s3://%s/%s could not be removed, which the service role need not be allowed", bucket, key)
	}
	return ""
}

func unreadable(uri string) string {
	bucket, key := splitS3(uri)
	return fmt.Sprintf("Could not validate GetObject permissions to access Amazon S3 bucket: %s at key %s", bucket, key)
}

func unwritable(bucket, key string) string {
	return fmt.Sprintf("Amazon S3 perms missing (PutObject): Could not validate PutObject permissions to access S3 bucket: %s at key %s", bucket, key)
}

// joinKey puts a name under a prefix that may or may not end in a slash.
func joinKey(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return strings.TrimSuffix(prefix, "/") + "/" + name
}
