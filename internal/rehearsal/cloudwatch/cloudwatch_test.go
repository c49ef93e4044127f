package cloudwatch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const throughput = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc"

// rig is a double with a client of the SDK.
type rig struct {
	log    calls.Log
	client *cloudwatch.Client
}

func newRig(t *testing.T, p calls.Principal, endpoint bool) *rig {
	t.Helper()
	r, keyring := &rig{}, &calls.Keyring{Region: "us-east-1"}
	server := httptest.NewServer(New(Options{
		Endpoint: endpoint, Clock: clock.New(noon), Log: &r.log,
		Verify: func(request *http.Request) (calls.Principal, error) { return keyring.Verify(request, "monitoring") },
	}))
	t.Cleanup(server.Close)
	issued := keyring.Issue(p)
	r.client = cloudwatch.New(cloudwatch.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(issued.AccessKeyID, issued.SecretAccessKey, issued.SessionToken),
	})
	return r
}

func (r *rig) invoked(at time.Time, resource string, status int) {
	r.log.Record(calls.Call{Time: at, Action: "bedrock:InvokeModel", Resource: resource, Status: status})
}

// input asks for a day, by the hour.
func input() *cloudwatch.GetMetricStatisticsInput {
	start, end := noon.Add(-24*time.Hour), noon
	return &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Bedrock"), MetricName: aws.String("Invocations"), StartTime: &start, EndTime: &end, Period: aws.Int32(3600),
		Statistics: []types.Statistic{types.StatisticSum}, Dimensions: []types.Dimension{{Name: aws.String("ModelId"), Value: aws.String(throughput)}},
	}
}

// TestCounts: successful invocations of the throughput are counted by the hour,
// and the call is recorded.
func TestCounts(t *testing.T) {
	r := newRig(t, calls.Principal{Role: "Throughput", ARN: "arn:role", InVPC: true}, true)
	r.invoked(noon.Add(-25*time.Hour), throughput, 200)
	r.invoked(noon.Add(-90*time.Minute), throughput, 200)
	r.invoked(noon.Add(-80*time.Minute), throughput, 200)
	r.invoked(noon.Add(-70*time.Minute), throughput, 429)
	r.invoked(noon.Add(-50*time.Minute), throughput+"d", 200)
	r.invoked(noon, throughput, 200)
	out, err := r.client.GetMetricStatistics(t.Context(), input())
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Datapoints) != 1 || *out.Datapoints[0].Sum != 2 || !out.Datapoints[0].Timestamp.Equal(noon.Add(-2*time.Hour)) {
		t.Errorf("got %+v", out.Datapoints)
	}
	found := r.log.Find("cloudwatch:GetMetricStatistics")
	if len(found) != 1 || found[0].Resource != "*" || found[0].Status != 200 || found[0].Principal.Role != "Throughput" {
		t.Errorf("recorded %+v", found)
	}
}

func TestRefuses(t *testing.T) {
	for code, change := range map[string]func(*cloudwatch.GetMetricStatisticsInput){
		"InvalidParameterCombination": func(in *cloudwatch.GetMetricStatisticsInput) {
			in.Period = aws.Int32(60)
			in.StartTime = aws.Time(noon.Add(-48 * time.Hour))
		},
		"InvalidParameterValue": func(in *cloudwatch.GetMetricStatisticsInput) { in.Period = aws.Int32(90) },
	} {
		r := newRig(t, calls.Principal{Role: "x"}, false)
		in := input()
		change(in)
		_, err := r.client.GetMetricStatistics(t.Context(), in)
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	for name, change := range map[string]func(*cloudwatch.GetMetricStatisticsInput){
		"another namespace": func(in *cloudwatch.GetMetricStatisticsInput) { in.Namespace = aws.String("AWS/Lambda") },
		"another statistic": func(in *cloudwatch.GetMetricStatisticsInput) {
			in.Statistics = []types.Statistic{types.StatisticAverage}
		},
		"no dimension":  func(in *cloudwatch.GetMetricStatisticsInput) { in.Dimensions = nil },
		"an empty time": func(in *cloudwatch.GetMetricStatisticsInput) { in.EndTime = in.StartTime },
	} {
		r := newRig(t, calls.Principal{Role: "x"}, false)
		in := input()
		change(in)
		if _, err := r.client.GetMetricStatistics(t.Context(), in); err == nil {
			t.Errorf("%s was answered", name)
		}
	}
	r := newRig(t, calls.Principal{Role: "x"}, false)
	if _, err := r.client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{}); err == nil || !strings.Contains(err.Error(), "UnknownOperation") {
		t.Errorf("ListMetrics: %v", err)
	}
}

// TestFaults: a fault is answered in the protocol's words, and without an endpoint
// nothing answers a caller inside the VPC.
func TestFaults(t *testing.T) {
	r := newRig(t, calls.Principal{Role: "x"}, false)
	r.log.SetHook(func(calls.Call) *calls.Fault {
		return &calls.Fault{Status: 500, Code: "InternalServiceFault", Message: "injected"}
	})
	_, err := r.client.GetMetricStatistics(t.Context(), input())
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InternalServiceFault" || !strings.Contains(api.ErrorMessage(), "injected") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	outside := newRig(t, calls.Principal{Role: "x", InVPC: true}, false)
	if _, err := outside.client.GetMetricStatistics(ctx, input()); err == nil {
		t.Error("a caller in a VPC without the endpoint was answered")
	}
}

// TestDenied: a caller without permission is told so.
func TestDenied(t *testing.T) {
	r := newRig(t, calls.Principal{Role: "Throughput", ARN: "arn:role"}, false)
	r.log.SetJudge(func(calls.Call) *calls.Denial { return &calls.Denial{Message: "not you"} })
	var api smithy.APIError
	if _, err := r.client.GetMetricStatistics(t.Context(), input()); !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		t.Errorf("got %v, want AccessDenied", err)
	}
}
