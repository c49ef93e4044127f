package template

import "strings"

// Schedule is an AWS::Scheduler::Schedule.
type Schedule struct {
	LogicalID string
	Name      string
	ARN       string
	// State is "ENABLED" or "DISABLED".
	State      string
	Expression string
	KeyARN     string
	TargetARN  string
	RoleARN    string
	// Role is the logical id of the role.
	Role string
	// Input is the target's, with context attributes such as
	// <aws.scheduler.scheduled-time>.
	Input         string
	DeadLetterARN string
	RetryPolicy   *RetryPolicy
}

// GroupARN is the ARN of the schedule's group, which is what EventBridge Scheduler
// acts for when it assumes the role
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html).
func (s Schedule) GroupARN() string {
	head, _, _ := strings.Cut(s.ARN, ":schedule/")
	return head + ":schedule-group/default"
}

// scheduleKinds: after the type's page in the CloudFormation template reference.
// A schedule without a group is in the group "default".
var scheduleKinds = map[string]kind{
	"AWS::Scheduler::Schedule": {nameProperty: "Name", generated: "{unique}", attributes: map[string]string{
		"Arn": "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}",
	}},
}

type scheduleProperties struct {
	Name               string
	Description        string
	State              string
	ScheduleExpression string
	KmsKeyArn          string
	FlexibleTimeWindow struct{ Mode string }
	Target             struct {
		Arn              string
		RoleArn          string
		Input            text
		DeadLetterConfig struct{ Arn string }
		RetryPolicy      *struct {
			MaximumRetryAttempts     *integer
			MaximumEventAgeInSeconds *integer
		}
	}
}

func (s *Stack) buildSchedules() error {
	for _, res := range s.ofType("AWS::Scheduler::Schedule") {
		var p scheduleProperties
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		role, _ := s.Role(p.Target.RoleArn)
		schedule := Schedule{
			LogicalID: res.LogicalID, Name: res.PhysicalID, ARN: arn.(string), State: p.State, Expression: p.ScheduleExpression, KeyARN: p.KmsKeyArn,
			TargetARN: p.Target.Arn, RoleARN: p.Target.RoleArn, Role: role.LogicalID,
			Input: string(p.Target.Input), DeadLetterARN: p.Target.DeadLetterConfig.Arn,
		}
		if schedule.State == "" {
			schedule.State = "ENABLED"
		}
		if r := p.Target.RetryPolicy; r != nil {
			schedule.RetryPolicy = &RetryPolicy{MaximumRetryAttempts: r.MaximumRetryAttempts.optional(), MaximumEventAgeInSeconds: r.MaximumEventAgeInSeconds.optional()}
		}
		s.Schedules = append(s.Schedules, schedule)
	}
	return nil
}
