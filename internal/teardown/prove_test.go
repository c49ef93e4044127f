package teardown

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func prove(t *testing.T, a *account) Proof {
	t.Helper()
	p, err := of(t, a).Prove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Ensure everything that is left is named with what ends it; while the stack is
// there, an endpoint is the stack's to delete.
func TestProofOfALiveStack(t *testing.T) {
	p := prove(t, live())
	var ids []string
	for _, l := range p.Left {
		ids = append(ids, l.ID)
		if !strings.HasSuffix(l.Command, " --region us-east-1") {
			t.Errorf("%s ends with %q", l.ID, l.Command)
		}
	}
	if want := []string{ptARN, "arn:deployment/1", "arn:job/0", "vpce-1", "tuneline"}; p.Clean() || len(p.Looks) != 1 || !slices.Equal(ids, want) {
		t.Errorf("left are %q after %d looks, want %q after one", ids, len(p.Looks), want)
	}
	if l := p.Left[0]; !strings.Contains(l.What, "2 model units, InService, billed by the hour (USD 121.00)") || l.Until != nil {
		t.Errorf("the throughput is left as %+v", l)
	}
	if got := p.Left[3].Command; !strings.HasPrefix(got, "tuneline teardown") {
		t.Errorf("the endpoint of a live stack ends with %q", got)
	}
	orphaned := live()
	orphaned.now = state{}
	if left := prove(t, orphaned).Left; len(left) != 4 || !strings.HasPrefix(left[3].Command, "aws ec2 delete-vpc-endpoints") {
		t.Errorf("without the stack, left are %+v", left)
	}
}

// Ensure a commitment is left with its date.
func TestProofWithACommitment(t *testing.T) {
	ends := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	a := &account{throughputs: []types.ProvisionedModelSummary{{
		ProvisionedModelArn: aws.String(ptARN), ModelArn: aws.String(modelARN), ModelUnits: aws.Int32(1),
		CommitmentDuration: types.CommitmentDurationOneMonth, CommitmentExpirationTime: &ends,
	}}}
	left := prove(t, a).Left
	if len(left) != 1 || left[0].Until == nil || !left[0].Until.Equal(ends) || !strings.Contains(left[0].What, "2027-01-02T03:04:05Z") || !strings.Contains(left[0].What, "USD 55.00") {
		t.Errorf("left are %+v", left)
	}
}

// Ensure two looks in a row must be empty: what comes after the first is found,
// and what is on its way out is waited for, but not for ever.
func TestProofLooksTwice(t *testing.T) {
	late := types.ProvisionedModelSummary{ProvisionedModelArn: aws.String("arn:late"), Status: types.ProvisionedModelStatusCreating}
	tests := map[string]struct {
		arrange func(*account)
		looks   int
		left    int
	}{
		"nothing": {func(*account) {}, 2, 0},
		"something comes late": {func(a *account) {
			a.onLook = func(n int) { a.throughputs = map[bool][]types.ProvisionedModelSummary{true: {late}}[n == 2] }
		}, 2, 1},
		"a job that stops": {func(a *account) {
			a.onLook = func(n int) {
				a.jobs = map[bool][]types.FineTuningJobStatus{true: {types.FineTuningJobStatusStopping}}[n <= 3]
			}
		}, 5, 0},
		"a job that stops too late": {func(a *account) {
			a.onLook = func(n int) {
				a.jobs = map[bool][]types.FineTuningJobStatus{true: {types.FineTuningJobStatusStopping}}[n < maxLooks]
			}
		}, maxLooks + 1, 0},
		"an endpoint that stays": {func(a *account) {
			a.endpoints = []ec2types.VpcEndpoint{{VpcEndpointId: aws.String("vpce-1"), State: "deleting"}}
		}, maxLooks, 1},
		"a stack on its way out": {func(a *account) { a.states = []state{{status: cftypes.StackStatusDeleteInProgress}, {}} }, 3, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := &account{}
			test.arrange(a)
			if p := prove(t, a); len(p.Looks) != test.looks || len(p.Left) != test.left || p.Clean() != (test.left == 0) {
				t.Errorf("got %+v, want %d left after %d looks", p, test.left, test.looks)
			}
		})
	}
}
