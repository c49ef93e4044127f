package teardown

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func inventory(t *testing.T, a *account) Inventory {
	t.Helper()
	found, err := of(t, a).Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Ensure what is the stack's is listed, what is not is left out,
// and what somebody bought for one of its models is told.
func TestInventory(t *testing.T) {
	found := inventory(t, live())
	if len(found.Throughputs) != 1 || len(found.Deployments) != 1 || len(found.Jobs) != 1 || len(found.Endpoints) != 1 {
		t.Fatalf("found %+v; want one of each", found)
	}
	if len(found.Foreign) != 1 || found.Foreign[0] != "arn:pt/bought-by-hand" {
		t.Errorf("not the stack's are %q", found.Foreign)
	}
	if e := found.Endpoints[0]; e.Zones != 2 || e.Service != "com.amazonaws.us-east-1.kms" {
		t.Errorf("the endpoint is %+v", e)
	}
	if found.Stack.ID != stackID || found.Stack.Status != "CREATE_COMPLETE" {
		t.Errorf("the stack is %+v", found.Stack)
	}
}

// Ensure a throughput is priced by its units, with the source and its day, and
// comes with its command.
func TestThroughput(t *testing.T) {
	pt := inventory(t, live()).Throughputs[0]
	if pt.Hourly.USD == nil || *pt.Hourly.USD != 121 || *pt.Monthly.USD != 121*730 || pt.Hourly.Source == "" || pt.Hourly.Read == "" {
		t.Errorf("two units cost %+v and %+v; want 121 and 88330 with a source and its day", pt.Hourly, pt.Monthly)
	}
	if want := "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + ptARN + " --region us-east-1"; pt.Command != want || pt.Held(today) {
		t.Errorf("got %+v, want it free, with %q", pt, want)
	}
}

// Ensure a price that the table lacks is unknown, in whatever number.
func TestUnknownPrice(t *testing.T) {
	a := live()
	a.throughputs[0].ModelArn = aws.String("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k")
	a.throughputs[0].CommitmentDuration = types.CommitmentDurationSixMonths
	pt := inventory(t, a).Throughputs[0]
	if pt.BaseModel != "amazon.nova-micro-v1:0:128k" || pt.Hourly.USD != nil || pt.Monthly.USD != nil || pt.Hourly.Source != "" {
		t.Errorf("got %+v, want no price", pt)
	}
	if got := BaseModelOf("arn:aws:bedrock:us-east-1:1:imported-model/x"); got != "" {
		t.Errorf("an imported model has the base model %q", got)
	}
}

// Ensure a commitment holds until its end, and not at it.
func TestHeld(t *testing.T) {
	for _, test := range []struct {
		ends time.Time
		want bool
	}{{today.Add(time.Second), true}, {today, false}, {today.Add(-time.Hour), false}} {
		if got := (Throughput{CommittedUntil: &test.ends}).Held(today); got != test.want {
			t.Errorf("ending at %s: got %v", test.ends, got)
		}
	}
}

// Ensure the key comes last and every model made with it before, whoever's it is;
// and that bucket and key are found through the models once the stack is gone.
func TestKept(t *testing.T) {
	for name, status := range map[string]state{"with the stack": live().now, "without": {}} {
		t.Run(name, func(t *testing.T) {
			a := live()
			a.now = status
			kept := inventory(t, a).Kept
			if len(kept.Models) != 2 || !kept.Models[0].Ours || kept.Models[1].Ours || *kept.Models[0].Monthly.USD != 1.95 || kept.Models[1].Monthly.USD != nil {
				t.Fatalf("models are %+v; want the stack's, and the other one made with its key", kept.Models)
			}
			if b := kept.Bucket; b == nil || b.Name != "data" || b.Objects != 6 || b.Bytes != 40 || b.More || kept.Key != keyARN {
				t.Errorf("bucket %+v, key %s", kept.Bucket, kept.Key)
			}
			checkSteps(t, kept.Steps)
		})
	}
}

// Ensure how to find what is kept is said where neither stack nor model names it.
func TestNothingIsKnownToBeKept(t *testing.T) {
	nothing := inventory(t, &account{}).Kept
	if nothing.Key != "" || nothing.Bucket != nil || len(nothing.Steps) != 1 || !strings.Contains(nothing.Steps[0].Commands[0], "Key=tuneline:stack,Values=tuneline") {
		t.Errorf("of nothing there is kept %+v; want how to find it", nothing)
	}
}

// checkSteps holds the order: models, bucket, key.
func checkSteps(t *testing.T, steps []Step) {
	t.Helper()
	if len(steps) != 3 || len(steps[0].Commands) != 2 || !strings.Contains(steps[1].Commands[1], "delete-bucket-policy --bucket data ") {
		t.Fatalf("steps are %+v", steps)
	}
	if last := steps[2]; !strings.Contains(last.What, "only once every custom model") || !strings.HasPrefix(last.Commands[0], "aws kms schedule-key-deletion --key-id "+keyARN+" --pending-window-in-days 30") {
		t.Errorf("the last step is %+v", last)
	}
}

// Ensure counting objects is bounded, and no reason to fail.
func TestCount(t *testing.T) {
	a := live()
	a.pages = make([]s3.ListObjectVersionsOutput, 0, maxPages+1)
	for range maxPages + 1 {
		a.pages = append(a.pages, objects(1))
	}
	if b := inventory(t, a).Kept.Bucket; !b.More || b.Objects != 2*maxPages {
		t.Errorf("counted %+v", b)
	}
	for code, want := range map[string]string{"AccessDenied": "policy", "InternalError": "InternalError"} {
		a.refusals["ListObjectVersions"] = refused(code, "refused")
		if b := inventory(t, a).Kept.Bucket; b == nil || !strings.Contains(b.Uncounted, want) {
			t.Errorf("%s: counted %+v", code, b)
		}
	}
	a.refusals["ListObjectVersions"] = refused("NoSuchBucket", "refused")
	if kept := inventory(t, a).Kept; kept.Bucket != nil || len(kept.Steps) != 3 || !strings.Contains(kept.Steps[1].What, "find") {
		t.Errorf("of a bucket that is gone there is kept %+v", kept)
	}
}

// Ensure what cannot be looked at is an error, never an empty list, and that a
// missing permission names whose credentials it takes.
func TestCannotLook(t *testing.T) {
	for _, operation := range []string{
		"DescribeStacks", "ListProvisionedModelThroughputs", "ListCustomModelDeployments", "ListModelCustomizationJobs",
		"ListCustomModels", "GetCustomModel", "ListTagsForResource", "DescribeVpcEndpoints",
	} {
		for code, says := range map[string]string{"AccessDeniedException": "administrator", "UnauthorizedOperation": "administrator", "ThrottlingException": "Throttling", "ValidationError": "refused"} {
			a := live()
			a.refusals[operation] = refused(code, "refused")
			if _, err := of(t, a).Inventory(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s answers %s: %v", operation, code, err)
			}
			if operation == "ListCustomModels" || operation == "GetCustomModel" {
				continue // a proof is about what is billed by the hour
			}
			if p, err := of(t, a).Prove(t.Context()); err == nil {
				t.Errorf("%s answers %s: the proof is %+v", operation, code, p)
			}
		}
	}
}
