// Package notices is where the stack speaks up: a topic for people, and a queue
// for events that could not be delivered, so that none is lost in silence.
package notices

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
)

// Notices are the two channels, both encrypted with the stack's key.
type Notices struct {
	Scope       constructs.Construct
	Topic       awssns.CfnTopic
	DeadLetters awssqs.CfnQueue
}

// Props is what the channels need to know.
type Props struct {
	Key *storage.Key
	// Email is subscribed to the topic; "" subscribes nobody.
	Email string
}

// New makes the channels.
func New(scope constructs.Construct, id string, props Props) *Notices {
	n := &Notices{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	n.Topic = newTopic(n, props)
	n.DeadLetters = newQueue(n, props.Key)
	return n
}

func newTopic(n *Notices, props Props) awssns.CfnTopic {
	topic := awssns.NewCfnTopic(n.Scope, jsii.String("Topic"), &awssns.CfnTopicProps{
		DisplayName:    jsii.Sprintf("%s: runs and alarms", *awscdk.Stack_Of(n.Scope).StackName()),
		KmsMasterKeyId: props.Key.Resource.AttrArn(),
	})
	arn := *topic.AttrTopicArn()
	awssns.NewCfnTopicPolicy(n.Scope, jsii.String("TopicPolicy"), &awssns.CfnTopicPolicyProps{
		Topics: jsii.Strings(arn),
		PolicyDocument: policy.Document(
			// The one statement that lets a service in without a condition:
			// EventBridge supports none in the policy of a topic, and warns of
			// a target with a role where the topic is encrypted
			// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions).
			policy.Statement{
				Sid: "PublishNotices", Principals: policy.Principals{"Service": "events.amazonaws.com"},
				Actions: []string{"sns:Publish"}, Resources: []string{arn},
			},
			policy.Statement{
				Sid: "PublishAlarms", Principals: policy.Principals{"Service": "cloudwatch.amazonaws.com"},
				Actions: []string{"sns:Publish"}, Resources: []string{arn}, Conditions: policy.FromAccount(n.Scope),
			},
			overTLS("sns:Publish", arn),
		),
	})
	if props.Email != "" {
		awssns.NewCfnSubscription(n.Scope, jsii.String("Email"), &awssns.CfnSubscriptionProps{
			TopicArn: topic.AttrTopicArn(), Protocol: jsii.String("email"), Endpoint: jsii.String(props.Email),
		})
	}
	return topic
}

// queueSeconds is how long an undelivered event waits for somebody to look: 14
// days, the longest SQS keeps a message.
const queueSeconds = 14 * 24 * 3600

func newQueue(n *Notices, key *storage.Key) awssqs.CfnQueue {
	queue := awssqs.NewCfnQueue(n.Scope, jsii.String("DeadLetters"), &awssqs.CfnQueueProps{
		KmsMasterKeyId:         key.Resource.AttrArn(),
		MessageRetentionPeriod: jsii.Number(queueSeconds),
	})
	arn := *queue.AttrArn()
	fromRules := policy.FromAccount(n.Scope)
	fromRules["ArnLike"] = map[string]any{"aws:SourceArn": policy.ARN(n.Scope, "events", "rule/*")}
	awssqs.NewCfnQueuePolicy(n.Scope, jsii.String("DeadLettersPolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: jsii.Strings(*queue.Ref()),
		PolicyDocument: policy.Document(
			policy.Statement{
				Sid: "KeepUndelivered", Principals: policy.Principals{"Service": "events.amazonaws.com"},
				Actions: []string{"sqs:SendMessage"}, Resources: []string{arn}, Conditions: fromRules,
			},
			overTLS("sqs:*", arn),
		),
	})
	return queue
}

func overTLS(action, arn string) policy.Statement {
	return policy.Statement{
		Sid: "DenyWithoutTLS", Deny: true, Principals: policy.Anyone,
		Actions: []string{action}, Resources: []string{arn},
		Conditions: policy.Conditions{"Bool": {"aws:SecureTransport": "false"}},
	}
}
