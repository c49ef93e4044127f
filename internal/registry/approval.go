package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

// An operator's decisions on spending, as an approval has them.
const (
	Approve = "approve"
	Reject  = "reject"
)

// Approval is an operator's word on what a run is about to pay for, at
// approvals/<runId>-<purpose>.json. There is one object for a run and a purpose:
// writing it again takes the word back or renews it, and what is there when the
// run looks counts. The bucket keeps every version.
type Approval struct {
	Run finetune.RunID `json:"run"`
	// Purpose is one of finetune.Purposes.
	Purpose string `json:"purpose"`
	// Decision is Approve or Reject.
	Decision string `json:"decision"`
	// USD is the price that was shown to whoever decided; null when none was known.
	USD *float64 `json:"usd"`
	// By is the ARN of who decided, as GetCallerIdentity answers it. It is what the
	// writer says of itself: the bucket's policy says who may write, and
	// CloudTrail who did.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Until is when an approval expires. A rejection does not.
	Until time.Time `json:"until,omitzero"`
}

// ErrMalformed is returned for an approval that says nothing that could count.
var ErrMalformed = errors.New("it is no approval")

// maxApproval is the longest approval that is read, in bytes.
const maxApproval = 16 << 10

// Approval reads an operator's word; the error wraps ErrNotFound when there is
// none, and ErrMalformed when it cannot be understood.
func (s Store) Approval(ctx context.Context, id finetune.RunID, purpose string) (a Approval, err error) {
	key := finetune.ApprovalKey(id, purpose)
	if err := finetune.CheckKey(key); err != nil {
		return a, err
	}
	out, err := s.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &key})
	if missing := new(types.NoSuchKey); errors.As(err, &missing) {
		return a, fmt.Errorf("%s: %w", key, ErrNotFound)
	}
	if err != nil {
		return a, fmt.Errorf("reading %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	text, err := strict.Read(out.Body, maxApproval)
	if errors.Is(err, strict.ErrTooLong) {
		return a, fmt.Errorf("%s: %w: %w", key, ErrMalformed, err)
	}
	if err != nil { // S3 had answered: the connection broke
		return a, finetune.Errorf(finetune.Unavailable, "reading %s: %w", key, err)
	}
	if a, err = parseApproval(text); err != nil {
		return Approval{}, fmt.Errorf("%s: %w: %w", key, ErrMalformed, err)
	}
	return a, nil
}

// parseApproval decodes an approval strictly: what a person has misspelled must
// not be taken for what they left out.
func parseApproval(text []byte) (Approval, error) {
	var a Approval
	if err := strict.Decode(text, maxApproval, &a); err != nil {
		return a, err
	}
	switch {
	case !slices.Contains([]string{Approve, Reject}, a.Decision):
		return a, fmt.Errorf("its decision is neither %s nor %s", Approve, Reject)
	case !principal().MatchString(a.By) || a.At.IsZero():
		return a, errors.New("it does not say by whom, as the ARN of who is signed in, and when")
	case a.USD != nil && *a.USD < 0:
		return a, fmt.Errorf("its price is %v", *a.USD)
	}
	return a, nil
}

// principal is an ARN as GetCallerIdentity answers it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
var principal = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[A-Za-z0-9_+=,.@/-]{1,200}$`)
})

// Check says why the word does not count for a run's spending at a price, nil
// being one that is not known. A rejection counts at any price and time.
func (a Approval) Check(id finetune.RunID, purpose string, usd *float64, now time.Time) error {
	switch {
	case a.Run != id || a.Purpose != purpose:
		return fmt.Errorf("it is about another run or purpose than run %s and its %s", id, purpose)
	case a.Decision == Reject:
		return nil
	case !now.Before(a.Until):
		return fmt.Errorf("it expired at %s", a.Until.UTC().Format(time.RFC3339))
	case usd == nil && a.USD != nil:
		return fmt.Errorf("it was given for %.2f USD, and the price is not known any more", *a.USD)
	case usd != nil && a.USD == nil:
		return fmt.Errorf("it was given for a price that was not known, and that is %.2f USD now", *usd)
	case usd != nil && *usd > *a.USD:
		return fmt.Errorf("it was given for %.2f USD, and the price is %.2f USD now", *a.USD, *usd)
	}
	return nil
}

// WriteApproval writes an operator's word in place of an earlier one.
func (s Store) WriteApproval(ctx context.Context, a Approval) error {
	return s.put(ctx, finetune.ApprovalKey(a.Run, a.Purpose), a)
}

// Asks returns what the run asks an operator about: while it goes on, what nobody
// has answered yet; once it ended over that, what would have to be approved before
// it is resumed, a rejection included.
func (r Run) Asks() []finetune.Spend {
	over := r.End != "" && slices.Contains([]finetune.Kind{finetune.SpendUnanswered, finetune.SpendRefused}, finetune.Kind(r.Error))
	if !over && (r.Closed || r.End != "") {
		return nil
	}
	var asked []finetune.Spend
	for _, purpose := range finetune.Purposes() {
		spend := r.Spend[purpose]
		if spend.Decision == finetune.DecisionAsked || over && spend.Decision == finetune.DecisionRefused {
			asked = append(asked, spend)
		}
	}
	return asked
}
