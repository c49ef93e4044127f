package template

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Function is an AWS::Lambda::Function.
type Function struct {
	LogicalID string
	Name      string
	ARN       string
	// Role is the logical id of the execution role, empty when it is not in
	// the stack.
	Role    string
	RoleARN string
	// Runtime and Handler are as in the template, for example
	// "provided.al2023" and "bootstrap".
	Runtime string
	Handler string
	// Environment is what the template sets; the runtime adds its own.
	Environment map[string]string
	Timeout     time.Duration
	// MemoryMB is in MiB.
	MemoryMB int
	// Architectures holds "arm64" or "x86_64".
	Architectures []string
	// CodePath is the absolute path of the code asset: a directory still to be
	// zipped when CodeIsDirectory, else a zip file.
	CodePath        string
	CodeIsDirectory bool
	// SubnetIDs and SecurityGroupIDs are empty outside a VPC.
	SubnetIDs        []string
	SecurityGroupIDs []string
	// LogGroup is the name of the log group.
	LogGroup string
	// DeadLetterARN receives what asynchronous invocations could not deliver.
	DeadLetterARN string
	// MaximumRetryAttempts and MaximumEventAgeInSeconds govern asynchronous
	// invocations; nil means Lambda's defaults, 2 and 21600.
	MaximumRetryAttempts     *int
	MaximumEventAgeInSeconds *int
	// OnFailureARN is the destination of failed asynchronous invocations.
	OnFailureARN string
}

// InVPC tells whether the function is attached to a VPC.
func (f Function) InVPC() bool { return len(f.SubnetIDs) > 0 }

type functionProperties struct {
	FunctionName  string
	Code          codeProperties
	Role          string
	Runtime       string
	Handler       string
	PackageType   string
	Timeout       *integer
	MemorySize    *integer
	Architectures []string
	Environment   struct{ Variables map[string]text }
	VpcConfig     struct {
		SubnetIds               []string
		SecurityGroupIds        []string
		Ipv6AllowedForDualStack boolean
	}
	LoggingConfig struct {
		LogGroup                                       string
		LogFormat, ApplicationLogLevel, SystemLogLevel string
	}
	DeadLetterConfig struct{ TargetArn string }
}

type codeProperties struct {
	S3Bucket        string
	S3Key           string
	S3ObjectVersion string
	SourceKMSKeyArn string
}

func (s *Stack) buildFunctions(a *assembly) error {
	for _, res := range s.ofType("AWS::Lambda::Function") {
		f, err := s.function(a, res)
		if err != nil {
			return err
		}
		s.Functions = append(s.Functions, f)
	}
	return s.addEventInvokeConfigs()
}

func (s *Stack) function(a *assembly, res Resource) (Function, error) {
	var p functionProperties
	if err := res.decode(&p); err != nil {
		return Function{}, err
	}
	arn, err := s.GetAtt(res.LogicalID, "Arn")
	if err != nil {
		return Function{}, res.failed(err)
	}
	f := Function{
		LogicalID: res.LogicalID, Name: res.PhysicalID, ARN: arn.(string),
		RoleARN: p.Role, Role: s.logicalID("AWS::IAM::Role", "Arn", p.Role),
		Runtime: p.Runtime, Handler: p.Handler, Environment: plain(p.Environment.Variables),
		Timeout: 3 * time.Second, MemoryMB: 128, Architectures: p.Architectures,
		SubnetIDs: p.VpcConfig.SubnetIds, SecurityGroupIDs: p.VpcConfig.SecurityGroupIds,
		LogGroup: p.LoggingConfig.LogGroup, DeadLetterARN: p.DeadLetterConfig.TargetArn,
	}
	if p.Timeout != nil {
		f.Timeout = time.Duration(*p.Timeout) * time.Second
	}
	if p.MemorySize != nil {
		f.MemoryMB = int(*p.MemorySize)
	}
	if len(f.Architectures) == 0 {
		f.Architectures = []string{"x86_64"}
	}
	if f.LogGroup == "" {
		f.LogGroup = "/aws/lambda/" + f.Name
	}
	if f.CodePath, f.CodeIsDirectory, err = a.code(p); err != nil {
		return Function{}, res.failed(err)
	}
	return f, nil
}

// code finds the code asset: its object key is a hash, in a prefix perhaps.
func (a *assembly) code(p functionProperties) (assetPath string, directory bool, err error) {
	if p.PackageType != "" && p.PackageType != "Zip" {
		return "", false, fmt.Errorf("package type %s is not modelled", p.PackageType)
	}
	if p.Code.S3Key == "" {
		return "", false, errors.New("only code in S3 is modelled")
	}
	return a.asset(p.Code.S3Key)
}

func (s *Stack) addEventInvokeConfigs() error {
	for _, res := range s.ofType("AWS::Lambda::EventInvokeConfig") {
		var p struct {
			FunctionName             string
			Qualifier                string
			MaximumRetryAttempts     *integer
			MaximumEventAgeInSeconds *integer
			DestinationConfig        struct {
				OnFailure struct{ Destination string }
			}
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		f := s.functionNamed(p.FunctionName)
		if f == nil {
			return res.failed(fmt.Errorf("function %s is not in the stack", p.FunctionName))
		}
		f.MaximumRetryAttempts = p.MaximumRetryAttempts.optional()
		f.MaximumEventAgeInSeconds = p.MaximumEventAgeInSeconds.optional()
		f.OnFailureARN = p.DestinationConfig.OnFailure.Destination
	}
	return nil
}

// functionNamed finds a function by name, ARN or qualified ARN.
func (s *Stack) functionNamed(nameOrARN string) *Function {
	for i := range s.Functions {
		f := &s.Functions[i]
		if nameOrARN == f.Name || nameOrARN == f.ARN || strings.HasPrefix(nameOrARN, f.ARN+":") {
			return f
		}
	}
	return nil
}

// Function finds a function by logical id, name, ARN or qualified ARN.
func (s *Stack) Function(id string) (Function, bool) {
	for _, f := range s.Functions {
		if f.LogicalID == id {
			return f, true
		}
	}
	if f := s.functionNamed(id); f != nil {
		return *f, true
	}
	return Function{}, false
}

// Permission is an AWS::Lambda::Permission: a statement of a function's
// resource policy.
type Permission struct {
	LogicalID string
	// FunctionARN is the ARN of the function, or of the version or alias.
	FunctionARN string
	Action      string
	// Principal is a service, for example "events.amazonaws.com", or an
	// account or ARN.
	Principal string
	// SourceARN may hold the wildcards * and ?; empty admits any source.
	SourceARN     string
	SourceAccount string
}

func (s *Stack) buildPermissions() error {
	for _, res := range s.ofType("AWS::Lambda::Permission") {
		var p struct{ FunctionName, Action, Principal, SourceArn, SourceAccount string }
		if err := res.decode(&p); err != nil {
			return err
		}
		permission := Permission{
			LogicalID: res.LogicalID, FunctionARN: p.FunctionName, Action: p.Action,
			Principal: p.Principal, SourceARN: p.SourceArn, SourceAccount: p.SourceAccount,
		}
		if f := s.functionNamed(p.FunctionName); f != nil && p.FunctionName == f.Name {
			permission.FunctionARN = f.ARN
		}
		s.Permissions = append(s.Permissions, permission)
	}
	return nil
}

// MayInvoke tells whether a permission of the stack lets a service principal
// invoke a function on behalf of a source, for example
// ("events.amazonaws.com", rule ARN).
func (s *Stack) MayInvoke(principal, sourceARN, functionARN string) bool {
	for _, p := range s.Permissions {
		if p.FunctionARN == functionARN && p.Principal == principal &&
			(p.Action == "lambda:InvokeFunction" || p.Action == "lambda:*") &&
			(p.SourceAccount == "" || p.SourceAccount == s.AccountID) &&
			(p.SourceARN == "" || wildcardMatch(p.SourceARN, sourceARN)) {
			return true
		}
	}
	return false
}

// wildcardMatch matches IAM's * (any characters, also none) and ? (one).
func wildcardMatch(pattern, value string) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '*':
			for i := 0; i <= len(value); i++ {
				if wildcardMatch(pattern[1:], value[i:]) {
					return true
				}
			}
			return false
		case '?':
			if value == "" {
				return false
			}
		default:
			if value == "" || value[0] != pattern[0] {
				return false
			}
		}
		pattern, value = pattern[1:], value[1:]
	}
	return value == ""
}

// CustomResource is an AWS::CloudFormation::CustomResource or Custom::*.
type CustomResource struct {
	LogicalID string
	Type      string
	// PhysicalID is what the rehearsal calls it until its function answers.
	PhysicalID string
	// FunctionARN is the ServiceToken; Function its logical id.
	FunctionARN string
	Function    string
	// Properties are the ResourceProperties of the request, ServiceToken
	// included.
	Properties map[string]any
	// DependsOn is the closure of what must exist before it, and is deleted
	// after it.
	DependsOn      []string
	DeletionPolicy string
}

func (s *Stack) buildCustomResources() error {
	for _, res := range s.All() {
		if res.Type != "AWS::CloudFormation::CustomResource" && !strings.HasPrefix(res.Type, "Custom::") {
			continue
		}
		token, _ := res.Properties["ServiceToken"].(string)
		f, ok := s.Function(token)
		if !ok {
			return res.failed(fmt.Errorf("ServiceToken %q is no function of the stack", token))
		}
		s.CustomResources = append(s.CustomResources, CustomResource{
			LogicalID: res.LogicalID, Type: res.Type, PhysicalID: res.PhysicalID,
			FunctionARN: token, Function: f.LogicalID, Properties: res.Properties,
			DependsOn: s.Dependencies(res.LogicalID), DeletionPolicy: res.DeletionPolicy,
		})
	}
	return nil
}
