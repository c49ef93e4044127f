package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// checkKey asks whether models can be encrypted with the stack's key.
func (l *look) checkKey(ctx context.Context) []Line {
	const name = "key"
	if line, waits := l.later(name, "the key"); waits {
		return []Line{line}
	}
	arn := l.stack.outputs[outputKey]
	out, err := l.KMS.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn})
	if missing := new(kmstypes.NotFoundException); errors.As(err, &missing) {
		return []Line{fails(name, "npx cdk destroy, then npx cdk deploy: what was encrypted with it is lost", "%s does not exist", arn)}
	}
	if err != nil {
		return []Line{unknown(name, "kms:DescribeKey on "+arn, err)}
	}
	enable := "aws kms enable-key --key-id " + arn + l.inRegion()
	switch key := out.KeyMetadata; {
	case key == nil:
		return []Line{unknown(name, "kms:DescribeKey", errors.New("it answered without metadata"))}
	case key.KeyState == kmstypes.KeyStatePendingDeletion:
		return []Line{fails(name, "aws kms cancel-key-deletion --key-id "+arn+l.inRegion()+" && "+enable, "%s is pending deletion%s, and every custom model is lost with it", arn, on(" on ", key.DeletionDate))}
	case !key.Enabled:
		return []Line{fails(name, enable, "%s is not enabled (%s)", arn, key.KeyState)}
	}
	return []Line{ok(name, "%s is enabled", arn)}
}

// bedrockService is the service that trains a model.
const bedrockService = "bedrock.amazonaws.com"

// checkRole asks whether Bedrock may assume the service role, and nobody else's
// job may have it assumed.
func (l *look) checkRole(ctx context.Context) []Line {
	const name = "service role"
	if line, waits := l.later(name, "the role"); waits {
		return []Line{line}
	}
	arn := l.stack.outputs[outputRole]
	if arn == "" {
		return []Line{fails(name, "npx cdk deploy", "the stack was deployed by an earlier version, without the output %s", outputRole)}
	}
	role := arn[strings.LastIndex(arn, "/")+1:]
	out, err := l.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
	if missing := new(iamtypes.NoSuchEntityException); errors.As(err, &missing) {
		return []Line{fails(name, "npx cdk destroy, then npx cdk deploy", "%s does not exist", arn)}
	}
	if err != nil {
		return []Line{unknown(name, "iam:GetRole on "+arn, err)}
	}
	var document string
	if out.Role != nil {
		document = aws.ToString(out.Role.AssumeRolePolicyDocument)
	}
	if err := l.trusts(document); err != nil {
		return []Line{fails(name, l.restore(role), "%s: %v", arn, err)}
	}
	return []Line{ok(name, "%s can be assumed for this account's jobs, by Bedrock alone", role)}
}

// trustPolicy is the part of a trust policy that is compared. IAM takes a single
// value and a list of one for the same.
type trustPolicy struct {
	Statement []trustStatement
}

type trustStatement struct {
	Effect    string
	Principal map[string]any
	Action    any
	Condition map[string]map[string]any
}

// trusts says what of a trust policy differs from the stack's; document is
// URL-encoded, as GetRole has it.
func (l *look) trusts(document string) error {
	text, err := url.PathUnescape(document)
	if err != nil {
		return fmt.Errorf("its trust policy cannot be read: %w", err)
	}
	var policy trustPolicy
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return fmt.Errorf("its trust policy cannot be read: %w", err)
	}
	i := slices.IndexFunc(policy.Statement, func(s trustStatement) bool {
		return s.Effect == "Allow" && has(s.Principal["Service"], bedrockService) && has(s.Action, "sts:AssumeRole")
	})
	if i < 0 {
		return errors.New("its trust policy does not let " + bedrockService + " assume it")
	}
	conditions := policy.Statement[i].Condition
	if !has(conditions["StringEquals"]["aws:SourceAccount"], l.account) {
		return errors.New("its trust policy is not bound to this account by aws:SourceAccount")
	}
	jobs := l.jobs()
	if !has(conditions["ArnEquals"]["aws:SourceArn"], jobs) && !has(conditions["ArnLike"]["aws:SourceArn"], jobs) {
		return errors.New("its trust policy is not bound by aws:SourceArn to " + jobs)
	}
	return nil
}

// has says whether a policy's value, one or a list of one, is this text.
func has(value any, text string) bool {
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	return value == text
}

// jobs are the ARNs of the account's customization jobs.
func (l *look) jobs() string {
	return "arn:aws:bedrock:" + l.Config.Region + ":" + l.account + ":model-customization-job/*"
}

// restore is the command that gives the role back the trust policy of the stack
// (https://docs.aws.amazon.com/bedrock/latest/userguide/custom-model-job-access-security.html).
func (l *look) restore(role string) string {
	return fmt.Sprintf(`aws iam update-assume-role-policy --role-name %s --policy-document '{"Version":"2012-10-17","Statement":[{"Sid":"Assume","Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":%q},"ArnEquals":{"aws:SourceArn":%q}}}]}'`,
		role, bedrockService, l.account, l.jobs())
}
