package preflight

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// identify asks who the credentials are. GetCallerIdentity needs no permission.
func (l *look) identify(ctx context.Context) []Line {
	const name = "credentials"
	out, err := l.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		line := unknown(name, "sts:GetCallerIdentity", err)
		line.Mend = "aws sso login, or export AWS_PROFILE=NAME, or aws configure; then run this again"
		return []Line{line}
	}
	l.account, l.caller = aws.ToString(out.Account), aws.ToString(out.Arn)
	return []Line{ok(name, "%s in account %s", l.caller, l.account)}
}

// checkRegion asks the catalogue whether the base model is tuned in the Region.
func (l *look) checkRegion(context.Context) []Line {
	const name = "region"
	region := l.Config.Region
	if err := l.model.CheckRegion(region); err != nil {
		return []Line{fails(name, l.setting("region", l.model.Regions[0]), "%v", err)}
	}
	return []Line{ok(name, "%s is tuned in %s", l.model.ID, region)}
}

// What a template of the CDK asks for before it is deployed: the parameter that
// "cdk bootstrap" leaves under the default qualifier, and the version its rule
// CheckBootstrapVersion wants at least.
const (
	bootstrapParameter = "/cdk-bootstrap/hnb659fds/version"
	bootstrapVersion   = 6
)

// checkBootstrap reads the version that "cdk bootstrap" left in the Region. A
// stack that is deployed had one.
func (l *look) checkBootstrap(ctx context.Context) []Line {
	const name = "bootstrap"
	if l.stack.exists {
		return []Line{note(name, "not looked at: the stack was deployed with one")}
	}
	mend := "npx cdk bootstrap aws://" + l.account + "/" + l.Config.Region
	out, err := l.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(bootstrapParameter)})
	if missing := new(ssmtypes.ParameterNotFound); errors.As(err, &missing) {
		return []Line{fails(name, mend, "the CDK has not been bootstrapped in this account and Region")}
	}
	if err != nil {
		return []Line{unknown(name, "ssm:GetParameter on "+bootstrapParameter, err)}
	}
	var value string
	if out.Parameter != nil {
		value = aws.ToString(out.Parameter.Value)
	}
	if version, err := strconv.Atoi(value); err != nil || version < bootstrapVersion {
		return []Line{fails(name, mend, "the CDK was bootstrapped with version %q, and %d or later is needed", value, bootstrapVersion)}
	}
	return []Line{ok(name, "version %s", value)}
}
