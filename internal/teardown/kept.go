package teardown

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Kept is what outlives the stack, in the order in which a person may delete it:
// the custom models, the bucket, and last the key, without which neither can be
// read.
type Kept struct {
	Models []Model `json:"customModels"`
	// Bucket is nil when neither the stack nor a model names it.
	Bucket *Bucket `json:"bucket"`
	// Key is the key's ARN, "" when neither the stack nor a model names it.
	Key string `json:"key"`
	// Steps are the commands, in order.
	Steps []Step `json:"steps"`
}

// Model is a custom model, billed by the month until somebody deletes it.
type Model struct {
	ARN       string `json:"arn"`
	Name      string `json:"name"`
	BaseModel string `json:"baseModel"`
	// Ours is false for a model that is not the stack's and was made with its key.
	Ours    bool      `json:"ours"`
	Created time.Time `json:"created"`
	Monthly Price     `json:"usdPerMonth"`

	key, outputs string
}

// Bucket is the stack's bucket with the objects in it.
type Bucket struct {
	Name string `json:"name"`
	// Objects and Bytes are of all versions. More is set when there are more than
	// were counted, Uncounted says why they were not.
	Objects   int    `json:"objects"`
	Bytes     int64  `json:"bytes"`
	More      bool   `json:"more,omitempty"`
	Uncounted string `json:"uncounted,omitempty"`
}

// Step is one thing a person does to remove what is kept.
type Step struct {
	What     string   `json:"what"`
	Commands []string `json:"commands"`
}

// kept finds what outlives the stack. Bucket and key are the stack's outputs, or,
// once it is gone, what its models were made with.
func (t Teardown) kept(ctx context.Context, stack Stack) (Kept, error) {
	kept := Kept{Models: []Model{}, Key: stack.Outputs["KeyArn"]}
	bucket := stack.Outputs["BucketName"]
	all, err := t.allModels(ctx)
	if err != nil {
		return Kept{}, err
	}
	for _, m := range all {
		if m.Ours && kept.Key == "" {
			kept.Key = m.key
		}
		if m.Ours && bucket == "" {
			bucket = m.outputs
		}
	}
	for _, m := range all {
		if m.Ours || kept.Key != "" && m.key == kept.Key {
			kept.Models = append(kept.Models, m)
		}
	}
	if bucket != "" {
		kept.Bucket = t.count(ctx, bucket)
	}
	kept.Steps = t.steps(kept)
	return kept, nil
}

// allModels reads every custom model of the account: 100 at the default quota
// (L-CB5B847D). Only the model itself names its key.
func (t Teardown) allModels(ctx context.Context) ([]Model, error) {
	var all []Model
	pages := bedrock.NewListCustomModelsPaginator(t.Models, &bedrock.ListCustomModelsInput{IsOwned: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("listing custom models", err)
		}
		for _, summary := range page.ModelSummaries {
			m, err := t.model(ctx, summary)
			if code(err) == "ResourceNotFoundException" {
				continue // somebody deleted it just now
			}
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

func (t Teardown) model(ctx context.Context, summary types.CustomModelSummary) (Model, error) {
	arn := aws.ToString(summary.ModelArn)
	ours, err := t.ours(ctx, arn)
	if err != nil {
		return Model{}, err
	}
	details, err := t.Models.GetCustomModel(ctx, &bedrock.GetCustomModelInput{ModelIdentifier: &arn})
	if err != nil {
		return Model{}, explain("reading custom model "+arn, err)
	}
	base := BaseModelOf(arn)
	m := Model{
		ARN: arn, Name: aws.ToString(summary.ModelName), BaseModel: base, Ours: ours,
		Created: aws.ToTime(summary.CreationTime), Monthly: t.price(base, catalog.ItemModelStorage, ""),
		key: aws.ToString(details.ModelKmsKeyArn),
	}
	if details.OutputDataConfig != nil {
		m.outputs, _, _ = strings.Cut(strings.TrimPrefix(aws.ToString(details.OutputDataConfig.S3Uri), "s3://"), "/")
	}
	return m, nil
}

// maxPages bounds the counting of objects: 1,000 versions a page.
const maxPages = 10

// count counts a bucket's objects. It is no reason to fail: the bucket's own
// policy keeps even administrators from listing it from outside the VPC.
func (t Teardown) count(ctx context.Context, name string) *Bucket {
	b := &Bucket{Name: name}
	pages := s3.NewListObjectVersionsPaginator(t.Objects, &s3.ListObjectVersionsInput{Bucket: &name})
	for n := 0; pages.HasMorePages(); n++ {
		if n == maxPages {
			b.More = true
			return b
		}
		page, err := pages.NextPage(ctx)
		switch {
		case denied(err):
			b.Uncounted = "the bucket's policy keeps everybody but operators and the VPC from listing it"
			return b
		case code(err) == "NoSuchBucket":
			return nil
		case err != nil:
			b.Uncounted = err.Error()
			return b
		}
		b.Objects += len(page.Versions) + len(page.DeleteMarkers)
		for _, version := range page.Versions {
			b.Bytes += aws.ToInt64(version.Size)
		}
	}
	return b
}

// pendingDays is the longest window KMS has between asking for a key's deletion
// and the deletion, in which it can be taken back
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html).
const pendingDays = 30

// steps says how to remove what is kept: the models first, the key last.
func (t Teardown) steps(kept Kept) []Step {
	steps := []Step{}
	if len(kept.Models) > 0 {
		step := Step{What: "delete the custom models: they cannot be made again without training"}
		for _, m := range kept.Models {
			step.Commands = append(step.Commands, "aws bedrock delete-custom-model --model-identifier "+m.ARN+t.inRegion())
		}
		steps = append(steps, step)
	}
	if kept.Bucket != nil {
		steps = append(steps, t.bucketStep(kept.Bucket.Name))
	}
	if kept.Bucket == nil || kept.Key == "" {
		steps = append(steps, Step{
			What: "find what is kept of bucket and key: no stack and no model names them any more",
			Commands: []string{fmt.Sprintf("aws resourcegroupstaggingapi get-resources --tag-filters Key=%s,Values=%s --resource-type-filters s3 kms:key%s",
				finetune.TagStack, t.Stack, t.inRegion())},
		})
	}
	if kept.Key != "" {
		steps = append(steps, Step{
			What:     "last, and only once every custom model above is deleted, let the key go: what it encrypts is lost with it",
			Commands: []string{fmt.Sprintf("aws kms schedule-key-deletion --key-id %s --pending-window-in-days %d%s", kept.Key, pendingDays, t.inRegion())},
		})
	}
	return steps
}

// bucketStep empties and deletes the bucket and the one that holds its access
// log. Without its policy, which would let nobody list, IAM alone decides.
func (t Teardown) bucketStep(bucket string) Step {
	region := t.inRegion()
	empty := func(name string) string {
		return fmt.Sprintf(`aws s3api delete-objects --bucket %s%s --delete "$(aws s3api list-object-versions --bucket %s%s --no-paginate --output json --query '{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}}')"`, name, region, name, region)
	}
	return Step{
		What: "empty and delete the buckets, of data and of the access log; each delete-objects takes 1,000 versions, so repeat it until nothing is left to delete",
		Commands: []string{
			fmt.Sprintf("LOGS=$(aws s3api get-bucket-logging --bucket %s%s --query LoggingEnabled.TargetBucket --output text)", bucket, region),
			"aws s3api delete-bucket-policy --bucket " + bucket + region,
			empty(bucket),
			"aws s3api delete-bucket --bucket " + bucket + region,
			empty(`"$LOGS"`),
			`aws s3api delete-bucket --bucket "$LOGS"` + region,
		},
	}
}
