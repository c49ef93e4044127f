package bedrock

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// deny lets the rig's log deny an action.
func (r *rig) deny(action string) {
	r.log.SetJudge(func(c calls.Call) *calls.Denial {
		if c.Action == action {
			return &calls.Denial{Message: "not " + action}
		}
		return nil
	})
}

// Ensure everything a request needs must be allowed, and that nothing happens
// when it is not.
func TestDenials(t *testing.T) {
	for _, action := range []string{"bedrock:CreateModelCustomizationJob", "iam:PassRole", "kms:CreateGrant", "bedrock:TagResource"} {
		r := newRig(t, "default")
		r.deny(action)
		in := r.request("denied", "amazon.nova-micro-v1:0:128k")
		in.CustomModelKmsKeyId = aws.String("arn:aws:kms:us-east-1:" + account + ":key/1234abcd-12ab-34cd-56ef-1234567890ab")
		in.JobTags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		_, err := r.control.CreateModelCustomizationJob(t.Context(), in)
		var denied *types.AccessDeniedException
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), "not "+action) {
			t.Errorf("%s: %v, want AccessDeniedException", action, err)
		}
		if jobs := r.double.Jobs(); len(jobs) != 0 {
			t.Errorf("%s: there are %d jobs", action, len(jobs))
		}
	}
}

// Ensure Bedrock asks for the key of a Nova model that is provisioned, or that a
// throughput is pointed to, in its own name; that what it may not use ends Failed; and
// that it asks for nothing with other models.
func TestKeyOfProvisionedModels(t *testing.T) {
	units := func(s *Scenario) {
		s.ModelUnits = map[string]int{noCommitmentQuota: 9, "L-AC096F71": 9, "L-3632DE15": 9}
	}
	encrypted := func(r *rig, name, base, region string) string {
		in := r.request(name, base)
		in.CustomModelKmsKeyId = aws.String("arn:aws:kms:" + region + ":" + account + ":key/1234abcd-12ab-34cd-56ef-1234567890ab")
		r.submit(in)
		r.clock.Advance(3 * time.Hour)
		return aws.ToString(r.job(name).OutputModelArn)
	}
	own := func(r *rig) (list []string) {
		for _, c := range r.log.All() {
			if c.Principal.Service == "bedrock.amazonaws.com" && strings.HasPrefix(c.Action, "kms:") {
				list = append(list, c.Action+" "+c.Context["kms:EncryptionContext:aws:bedrock:custom-model"])
			}
		}
		return list
	}
	r := newRig(t, "default", units)
	first, second := encrypted(r, "a", nova, "us-east-1"), encrypted(r, "b", nova, "us-east-1")
	arn, err := r.provision("pt", first, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kms:Decrypt " + first, "kms:GenerateDataKey " + first}
	if got := own(r); !slices.Equal(got, want) {
		t.Errorf("bought: got %q, want %q", got, want)
	}
	r.clock.Advance(time.Hour)
	r.log.SetJudge(func(c calls.Call) *calls.Denial {
		if c.Principal.Service != "" && c.Action == "kms:GenerateDataKey" {
			return &calls.Denial{Message: "not by itself"}
		}
		return nil
	})
	if _, err := r.control.UpdateProvisionedModelThroughput(t.Context(), &sdk.UpdateProvisionedModelThroughputInput{ProvisionedModelId: &arn, DesiredModelId: &second}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(time.Hour)
	if got := r.throughput(arn); got.Status != types.ProvisionedModelStatusFailed || !strings.Contains(aws.ToString(got.FailureMessage), "not by itself") {
		t.Errorf("re-pointed without the key: %s %q", got.Status, aws.ToString(got.FailureMessage))
	}

	r = newRig(t, "article", units)
	if _, err := r.provision("pt", encrypted(r, "c", llama, "us-west-2"), ""); err != nil || len(own(r)) > 0 {
		t.Errorf("with a Llama model: %v, %q", err, own(r))
	}
}

// Ensure a job whose role may not be assumed, or may not make its network
// interfaces, fails.
func TestDeniedServiceRole(t *testing.T) {
	r := newRig(t, "default")
	r.deny("sts:AssumeRole")
	if _, err := r.control.CreateModelCustomizationJob(t.Context(), r.request("a", "amazon.nova-micro-v1:0:128k")); err == nil || !strings.Contains(err.Error(), "Could not validate GetObject permissions") {
		t.Errorf("without the role: %v, want Bedrock's words for what it cannot read", err)
	}
	r.deny("ec2:CreateNetworkInterface")
	in := r.request("b", "amazon.nova-micro-v1:0:128k")
	in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1a2b3c4d"}, SecurityGroupIds: []string{"sg-1a2b3c4d"}}
	r.submit(in)
	r.clock.Advance(24 * 3600e9)
	r.double.Settle(t.Context())
	job := r.job("b")
	if job.Status != types.ModelCustomizationJobStatusFailed || !strings.Contains(aws.ToString(job.FailureMessage), "VPC") {
		t.Errorf("the job is %s: %s", job.Status, aws.ToString(job.FailureMessage))
	}
}
