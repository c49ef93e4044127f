package preflight

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/infra/config"
)

const (
	accountID = "111122223333"
	keyARN    = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
	roleARN   = "arn:aws:iam::111122223333:role/tuneline/customization/tuneline-CustomizationRole"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// account is what the fakes answer with. A call whose IAM action is in refused
// is refused with that error, whatever else it would have answered.
type account struct {
	refused map[string]error
	// missing is the error of a caller without credentials.
	missing error

	// stackStatus is "" when the stack is not deployed.
	stackStatus string
	outputs     map[string]string
	bootstrap   string

	// details are base models by id; one that is not there is not known.
	details      map[string]*types.FoundationModelDetails
	availability bedrock.GetFoundationModelAvailabilityOutput
	// quotas are granted values by code, defaults AWS's.
	quotas, defaults map[string]float64
	fixed            map[string]bool
	models           []types.CustomModelSummary
	deployments      []types.CustomModelDeploymentSummary
	throughputs      []types.ProvisionedModelSummary

	zones      []ec2types.AvailabilityZone
	services   map[string][]string
	prefixList string

	logGroups, machines, aliases []string
	logRole                      string
	key                          *kmstypes.KeyMetadata
	trust                        string

	mu     sync.Mutex
	called []string
}

// call records a call by its IAM action, and refuses it if it is to be.
func (a *account) call(action string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.called = append(a.called, action)
	return a.refused[action]
}

// fresh is an account in which the default stack can be deployed.
func fresh() *account { return freshIn("us-east-1") }

// freshIn is one with six zones, in five of which interface endpoints can be.
func freshIn(region string) *account {
	a := &account{
		refused:   map[string]error{},
		bootstrap: "21",
		details: map[string]*types.FoundationModelDetails{
			"amazon.nova-micro-v1:0:128k":         active("FINE_TUNING"),
			"amazon.nova-micro-v1:0":              active(),
			"meta.llama3-1-8b-instruct-v1:0:128k": active("FINE_TUNING"),
		},
		availability: bedrock.GetFoundationModelAvailabilityOutput{
			AuthorizationStatus: "AUTHORIZED", EntitlementAvailability: "AVAILABLE", RegionAvailability: "AVAILABLE",
		},
		quotas:     map[string]float64{},
		defaults:   map[string]float64{"L-CB5B847D": 100, "L-C02E1E99": 2, "L-1EF80F3E": 10, "L-430C95DD": 2, "L-BE77399C": 0, "L-3632DE15": 0},
		fixed:      map[string]bool{},
		services:   map[string][]string{},
		prefixList: "pl-63a5400a",
		key:        &kmstypes.KeyMetadata{Enabled: true, KeyState: kmstypes.KeyStateEnabled},
		trust:      goodTrust,
	}
	for _, letter := range "abcdef" {
		a.zones = append(a.zones, zone(region+string(letter)))
	}
	for _, service := range []string{"bedrock", "bedrock-runtime", "kms", "monitoring", "execute-api"} {
		for _, letter := range "abcdf" {
			name := "com.amazonaws." + region + "." + service
			a.services[name] = append(a.services[name], region+string(letter))
		}
	}
	return a
}

// deployed is an account with the stack.
func deployed() *account {
	a := fresh()
	a.stackStatus = "UPDATE_COMPLETE"
	a.outputs = map[string]string{outputKey: keyARN, outputBucket: "tuneline-bucket", outputRole: roleARN}
	a.logGroups, a.machines, a.aliases = logGroups("tuneline"), stateMachines("tuneline"), []string{keyAlias("tuneline")}
	return a
}

func active(customizations ...types.ModelCustomization) *types.FoundationModelDetails {
	return &types.FoundationModelDetails{
		CustomizationsSupported: customizations,
		ModelLifecycle:          &types.FoundationModelLifecycle{Status: types.FoundationModelLifecycleStatusActive},
	}
}

func zone(name string) ec2types.AvailabilityZone {
	return ec2types.AvailabilityZone{ZoneName: &name, State: ec2types.AvailabilityZoneStateAvailable, OptInStatus: ec2types.AvailabilityZoneOptInStatusOptInNotRequired}
}

const goodTrust = `{"Version":"2012-10-17","Statement":[{"Sid":"Assume","Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole",` +
	`"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnEquals":{"aws:SourceArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/*"}}}]}`

// refusal is an error a service answers with.
func refusal(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func (a *account) clients() Clients {
	return Clients{
		STS: a, CloudFormation: a, SSM: a, Bedrock: a, Quotas: a, EC2: a, Logs: a, StepFunctions: a, Gateway: a, KMS: a, IAM: a,
	}
}

// subject is the default configuration, changed.
func subject(change ...func(*Subject)) Subject {
	s := Subject{Config: config.Default(), Configuration: "cdk.json", Stack: "tuneline", Now: today}
	for _, c := range change {
		c(&s)
	}
	return s
}

// lines runs a preflight and returns its lines of one check.
func (a *account) lines(t *testing.T, s Subject, check string) []Line {
	t.Helper()
	report, err := Run(t.Context(), s, a.clients(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(report.Lines, func(line Line) bool { return line.Check != check })
}

func (a *account) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	if a.missing != nil {
		return nil, a.missing
	}
	return &sts.GetCallerIdentityOutput{Account: aws.String(accountID), Arn: aws.String("arn:aws:sts::111122223333:assumed-role/admin/me")}, a.call("sts:GetCallerIdentity")
}

func (a *account) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if err := a.call("cloudformation:DescribeStacks"); err != nil {
		return nil, err
	}
	if a.stackStatus == "" {
		return nil, refusal("ValidationError", "Stack with id "+*in.StackName+" does not exist")
	}
	stack := cfntypes.Stack{StackName: in.StackName, StackStatus: cfntypes.StackStatus(a.stackStatus)}
	for key, value := range a.outputs {
		stack.Outputs = append(stack.Outputs, cfntypes.Output{OutputKey: aws.String(key), OutputValue: aws.String(value)})
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []cfntypes.Stack{stack}}, nil
}

func (a *account) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	if err := a.call("ssm:GetParameter"); err != nil {
		return nil, err
	}
	if a.bootstrap == "" || *in.Name != "/cdk-bootstrap/hnb659fds/version" {
		return nil, &ssmtypes.ParameterNotFound{}
	}
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: &a.bootstrap}}, nil
}

func (a *account) GetFoundationModel(_ context.Context, in *bedrock.GetFoundationModelInput, _ ...func(*bedrock.Options)) (*bedrock.GetFoundationModelOutput, error) {
	if err := a.call("bedrock:GetFoundationModel"); err != nil {
		return nil, err
	}
	details, known := a.details[*in.ModelIdentifier]
	if !known {
		return nil, &types.ResourceNotFoundException{}
	}
	return &bedrock.GetFoundationModelOutput{ModelDetails: details}, nil
}

func (a *account) GetFoundationModelAvailability(context.Context, *bedrock.GetFoundationModelAvailabilityInput, ...func(*bedrock.Options)) (*bedrock.GetFoundationModelAvailabilityOutput, error) {
	return &a.availability, a.call("bedrock:GetFoundationModelAvailability")
}

// Lists come in pages of one.

func (a *account) ListCustomModels(_ context.Context, in *bedrock.ListCustomModelsInput, _ ...func(*bedrock.Options)) (*bedrock.ListCustomModelsOutput, error) {
	page, next := onePage(a.models, in.NextToken)
	return &bedrock.ListCustomModelsOutput{ModelSummaries: page, NextToken: next}, a.call("bedrock:ListCustomModels")
}

func (a *account) ListCustomModelDeployments(_ context.Context, in *bedrock.ListCustomModelDeploymentsInput, _ ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error) {
	page, next := onePage(a.deployments, in.NextToken)
	return &bedrock.ListCustomModelDeploymentsOutput{ModelDeploymentSummaries: page, NextToken: next}, a.call("bedrock:ListCustomModelDeployments")
}

func (a *account) ListProvisionedModelThroughputs(_ context.Context, in *bedrock.ListProvisionedModelThroughputsInput, _ ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error) {
	page, next := onePage(a.throughputs, in.NextToken)
	return &bedrock.ListProvisionedModelThroughputsOutput{ProvisionedModelSummaries: page, NextToken: next}, a.call("bedrock:ListProvisionedModelThroughputs")
}

// onePage is the first of what is left after so many, one "." each.
func onePage[T any](all []T, token *string) (page []T, next *string) {
	left := all[len(aws.ToString(token)):]
	if len(left) < 2 {
		return left, nil
	}
	return left[:1], aws.String(aws.ToString(token) + ".")
}

func (a *account) GetServiceQuota(_ context.Context, in *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	if err := a.call("servicequotas:GetServiceQuota"); err != nil {
		return nil, err
	}
	quota, err := a.quota(a.quotas, *in.ServiceCode, *in.QuotaCode)
	return &servicequotas.GetServiceQuotaOutput{Quota: quota}, err
}

func (a *account) GetAWSDefaultServiceQuota(_ context.Context, in *servicequotas.GetAWSDefaultServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	if err := a.call("servicequotas:GetAWSDefaultServiceQuota"); err != nil {
		return nil, err
	}
	quota, err := a.quota(a.defaults, *in.ServiceCode, *in.QuotaCode)
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: quota}, err
}

func (a *account) quota(values map[string]float64, service, code string) (*quotatypes.ServiceQuota, error) {
	value, known := values[code]
	if !known || service != "bedrock" {
		return nil, &quotatypes.NoSuchResourceException{}
	}
	return &quotatypes.ServiceQuota{QuotaCode: &code, Value: &value, Adjustable: !a.fixed[code]}, nil
}

func (a *account) DescribeAvailabilityZones(context.Context, *ec2.DescribeAvailabilityZonesInput, ...func(*ec2.Options)) (*ec2.DescribeAvailabilityZonesOutput, error) {
	return &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: a.zones}, a.call("ec2:DescribeAvailabilityZones")
}

func (a *account) DescribeVpcEndpointServices(_ context.Context, in *ec2.DescribeVpcEndpointServicesInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServicesOutput, error) {
	out := &ec2.DescribeVpcEndpointServicesOutput{}
	for _, service := range in.Filters[0].Values {
		if zones, known := a.services[service]; known {
			out.ServiceDetails = append(out.ServiceDetails, ec2types.ServiceDetail{ServiceName: aws.String(service), AvailabilityZones: zones})
		}
	}
	return out, a.call("ec2:DescribeVpcEndpointServices")
}

func (a *account) DescribeManagedPrefixLists(context.Context, *ec2.DescribeManagedPrefixListsInput, ...func(*ec2.Options)) (*ec2.DescribeManagedPrefixListsOutput, error) {
	out := &ec2.DescribeManagedPrefixListsOutput{}
	if a.prefixList != "" {
		out.PrefixLists = []ec2types.ManagedPrefixList{{PrefixListId: &a.prefixList}}
	}
	return out, a.call("ec2:DescribeManagedPrefixLists")
}

func (a *account) DescribeLogGroups(_ context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	var groups []logstypes.LogGroup
	for _, name := range a.logGroups {
		if strings.HasPrefix(name, *in.LogGroupNamePrefix) {
			groups = append(groups, logstypes.LogGroup{LogGroupName: aws.String(name)})
		}
	}
	page, next := onePage(groups, in.NextToken)
	return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: page, NextToken: next}, a.call("logs:DescribeLogGroups")
}

func (a *account) DescribeStateMachine(_ context.Context, in *sfn.DescribeStateMachineInput, _ ...func(*sfn.Options)) (*sfn.DescribeStateMachineOutput, error) {
	if err := a.call("states:DescribeStateMachine"); err != nil {
		return nil, err
	}
	name, ours := strings.CutPrefix(*in.StateMachineArn, "arn:aws:states:us-east-1:111122223333:stateMachine:")
	if !ours || !slices.Contains(a.machines, name) {
		return nil, &sfntypes.StateMachineDoesNotExist{}
	}
	return &sfn.DescribeStateMachineOutput{}, nil
}

func (a *account) GetAccount(context.Context, *apigateway.GetAccountInput, ...func(*apigateway.Options)) (*apigateway.GetAccountOutput, error) {
	out := &apigateway.GetAccountOutput{}
	if a.logRole != "" {
		out.CloudwatchRoleArn = &a.logRole
	}
	return out, a.call("apigateway:GET")
}

func (a *account) DescribeKey(_ context.Context, in *kms.DescribeKeyInput, _ ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	if err := a.call("kms:DescribeKey"); err != nil {
		return nil, err
	}
	if known := slices.Contains(a.aliases, *in.KeyId) || *in.KeyId == a.outputs[outputKey]; !known {
		return nil, &kmstypes.NotFoundException{}
	}
	return &kms.DescribeKeyOutput{KeyMetadata: a.key}, nil
}

func (a *account) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if err := a.call("iam:GetRole"); err != nil {
		return nil, err
	}
	if *in.RoleName != "tuneline-CustomizationRole" || a.trust == "" {
		return nil, &iamtypes.NoSuchEntityException{}
	}
	return &iam.GetRoleOutput{Role: &iamtypes.Role{AssumeRolePolicyDocument: aws.String(url.PathEscape(a.trust))}}, nil
}

var errReset = errors.New("connection reset by peer")
