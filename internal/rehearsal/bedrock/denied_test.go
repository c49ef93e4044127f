package bedrock

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
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
