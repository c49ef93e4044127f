package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// answers are what the services answer on the wire, by operation: JSON for those
// that speak it, XML for the query services.
type answers map[string]answer

type answer struct {
	status int
	body   string
}

func good(body string) answer { return answer{http.StatusOK, body} }

// query is an answer of a query service, wrapped as each wraps its own.
func query(operation, body string) answer {
	return good(fmt.Sprintf("<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", operation, body))
}

// wired are a deployed stack's answers, in the forms of the services' own API
// models.
func wired() answers {
	return answers{
		"GetCallerIdentity": query("GetCallerIdentity", "<Arn>arn:aws:iam::111122223333:user/me</Arn><UserId>AIDA</UserId><Account>111122223333</Account>"),
		"DescribeStacks": query("DescribeStacks", "<Stacks><member><StackName>tuneline</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-20T09:00:00Z</CreationTime><Outputs>"+
			"<member><OutputKey>KeyArn</OutputKey><OutputValue>"+keyARN+"</OutputValue></member>"+
			"<member><OutputKey>BucketName</OutputKey><OutputValue>tuneline-bucket</OutputValue></member>"+
			"<member><OutputKey>ServiceRoleArn</OutputKey><OutputValue>"+roleARN+"</OutputValue></member></Outputs></member></Stacks>"),
		"GetRole": query("GetRole", "<Role><Path>/tuneline/customization/</Path><RoleName>tuneline-CustomizationRole</RoleName><RoleId>AROA</RoleId><Arn>"+roleARN+"</Arn><CreateDate>2026-11-20T09:00:00Z</CreateDate><AssumeRolePolicyDocument>"+url.QueryEscape(goodTrust)+"</AssumeRolePolicyDocument></Role>"),
		"DescribeAvailabilityZones": good("<DescribeAvailabilityZonesResponse><availabilityZoneInfo>" +
			"<item><zoneName>us-east-1b</zoneName><zoneState>available</zoneState><optInStatus>opt-in-not-required</optInStatus></item>" +
			"<item><zoneName>us-east-1a</zoneName><zoneState>available</zoneState><optInStatus>opt-in-not-required</optInStatus></item>" +
			"<item><zoneName>us-east-1c</zoneName><zoneState>available</zoneState><optInStatus>opt-in-not-required</optInStatus></item>" +
			"</availabilityZoneInfo></DescribeAvailabilityZonesResponse>"),
		"DescribeVpcEndpointServices": good("<DescribeVpcEndpointServicesResponse><serviceDetailSet>" +
			endpointService("bedrock") + endpointService("bedrock-runtime") + endpointService("kms") + endpointService("monitoring") + "</serviceDetailSet></DescribeVpcEndpointServicesResponse>"),
		"DescribeManagedPrefixLists": good("<DescribeManagedPrefixListsResponse><prefixListSet><item><prefixListId>pl-63a5400a</prefixListId><prefixListName>com.amazonaws.us-east-1.s3</prefixListName></item></prefixListSet></DescribeManagedPrefixListsResponse>"),
		"GetServiceQuota":            {http.StatusBadRequest, `{"__type":"NoSuchResourceException","Message":"no applied value"}`},
		"GetAWSDefaultServiceQuota":  good(`{"Quota":{"ServiceCode":"bedrock","QuotaCode":"L","Value":10.0,"Adjustable":true}}`),
		"GetParameter":               good(`{"Parameter":{"Name":"/cdk-bootstrap/hnb659fds/version","Type":"String","Value":"21","Version":1}}`),
		"DescribeKey":                good(`{"KeyMetadata":{"KeyId":"11111111-2222-3333-4444-555555555555","Arn":"` + "`+keyARN+`" + `","Enabled":true,"KeyState":"Enabled"}}`),
		"GetAccount":                 good(`{"cloudwatchRoleArn":"arn:aws:iam::111122223333:role/logs","throttleSettings":{"burstLimit":5000,"rateLimit":10000.0}}`),
		"DescribeLogGroups":          good(`{"logGroups":[{"logGroupName":"/tuneline/other"}]}`),
		"DescribeStateMachine":       {http.StatusBadRequest, `{"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist"}`},
	}
}

func endpointService(name string) string {
	return "<item><serviceName>com.amazonaws.us-east-1." + name + "</serviceName><serviceType><item><serviceType>Interface</serviceType></item></serviceType>" +
		"<availabilityZoneSet><item>us-east-1a</item><item>us-east-1b</item><item>us-east-1c</item></availabilityZoneSet></item>"
}

// operation is what a request asks for, in either protocol, "" of Bedrock's.
func operation(t *testing.T, r *http.Request) string {
	if _, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return name
	}
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		return r.PostForm.Get("Action")
	}
	if r.URL.Path == "/account" {
		return "GetAccount"
	}
	return ""
}

// wire returns SDK clients of a server with these answers, and of the Bedrock of
// the rehearsal in a scenario, whose answers AWS's API model holds.
func wire(t *testing.T, scenarioName string, a answers) Clients {
	t.Helper()
	scenario, err := bedrock.LoadScenario(scenarioName)
	if err != nil {
		t.Fatal(err)
	}
	double, err := bedrock.New(bedrock.Options{
		Scenario: scenario, AccountID: accountID, Clock: clock.New(scenario.Start), Log: &calls.Log{},
		Verify: func(*http.Request) (calls.Principal, error) { return calls.Principal{Role: "Operator"}, nil },
		AssumeRole: func(context.Context, string) (*s3.Client, error) {
			return nil, errors.New("no job runs here")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := operation(t, r)
		if name == "" {
			double.Handler().ServeHTTP(w, r)
			return
		}
		given, known := a[name]
		if !known {
			given = answer{http.StatusForbidden, "<Response><Error><Code>AccessDenied</Code><Message>no " + name + "</Message></Error></Response>"}
		}
		w.WriteHeader(given.status)
		_, _ = w.Write([]byte(given.body)) // a client that leaves is the test's affair
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		for _, v := range double.Violations() {
			t.Error(v)
		}
	})
	return NewClients(aws.Config{
		Region: scenario.Region, Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", ""),
		BaseEndpoint: aws.String(server.URL),
	})
}

// TestWire: through the SDK's own clients, in the services' own protocols, a
// deployed stack is in order.
func TestWire(t *testing.T) {
	report, err := Run(t.Context(), subject(), wire(t, "default", wired()), nil)
	if err != nil || report.Verdict() != OK {
		t.Errorf("got %s, %v", report.Verdict(), err)
	}
	for check, part := range map[string]string{ //nolint:gosec // names of checks, and no credentials
		"credentials": "arn:aws:iam::111122223333:user/me", "stack": "CREATE_COMPLETE", "base model": "is ACTIVE", "customization": "takes FINE_TUNING",
		"model access": "may use", "quota L-1EF80F3E": "0 of 10", "zones": "us-east-1a, us-east-1b, us-east-1c", "interface endpoints": "4 services",
		"S3 prefix list": "pl-63a5400a", "key": "is enabled", "service role": "can be assumed",
	} {
		checkOne(t, report, check, want{OK, part, ""})
	}
}

func checkOne(t *testing.T, report Report, check string, w want) {
	t.Helper()
	for _, line := range report.Lines {
		if line.Check == check {
			checkLine(t, line, w)
			return
		}
	}
	t.Errorf("no line %s in %+v", check, report)
}

// TestWireBefore: what the services answer about what is not there, and about
// what they refuse, is understood as well.
func TestWireBefore(t *testing.T) {
	a := wired()
	a["DescribeStacks"] = answer{http.StatusBadRequest, "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id tuneline does not exist</Message></Error></ErrorResponse>"}
	a["DescribeKey"] = answer{http.StatusBadRequest, `{"__type":"NotFoundException","message":"Alias is not found."}`}
	a["GetParameter"] = answer{http.StatusBadRequest, `{"__type":"ParameterNotFound"}`}
	a["DescribeAvailabilityZones"] = answer{http.StatusForbidden, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized</Message></Error></Errors><RequestID>r</RequestID></Response>"}
	a["GetServiceQuota"] = answer{http.StatusBadRequest, `{"__type":"AccessDeniedException","Message":"not authorized to perform servicequotas:GetServiceQuota"}`}
	a["GetAccount"] = answer{http.StatusForbidden, `{"__type":"AccessDeniedException","message":"not authorized"}`}
	report, err := Run(t.Context(), subject(), wire(t, "default", a), nil)
	if err != nil || report.Verdict() != Fails {
		t.Errorf("got %s, %v", report.Verdict(), err)
	}
	for check, w := range map[string]want{
		"stack":            {OK, "not deployed yet", ""},
		"bootstrap":        {Fails, "", "npx cdk bootstrap"},
		"names":            {OK, "16 are free", ""},
		"zones":            {Unknown, "may not call", "allow ec2:DescribeAvailabilityZones"},
		"quota L-CB5B847D": {Unknown, "may not call", "allow servicequotas:GetServiceQuota"},
		"API log role":     {Unknown, "may not call", "allow apigateway:GET on /account"},
	} {
		checkOne(t, report, check, w)
	}
}

// TestWireLegacy: the rehearsal's Bedrock has the article's base model Legacy.
func TestWireLegacy(t *testing.T) {
	report, err := Run(t.Context(), subject(article), wire(t, "article-today", wired()), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkOne(t, report, "base model", want{Fails, "meta.llama3-1-8b-instruct-v1:0:128k is LEGACY (Legacy from 2026-09-30, end of life 2027-03-30)", `"amazon.nova-micro-v1:0:128k", "region": "us-east-1"`})
	checkOne(t, report, "customization", want{OK, "takes FINE_TUNING", ""})
	checkOne(t, report, "quota L-BE77399C", want{OK, "0 of 10", ""})
}
