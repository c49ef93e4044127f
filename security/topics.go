package security

import "slices"

var topicAssertions = []Assertion{
	{"ChannelsAreEncrypted", 38, channelsAreEncrypted},
	{"ChannelsWantTLS", 38, channelsWantTLS},
	{"ChannelsAreOurs", 38, channelsAreOurs},
	{"EventsAreNotLost", 38, eventsAreNotLost},
}

func channelsAreEncrypted(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::SNS::Topic", "AWS::SQS::Queue") {
		if text(r.Properties["KmsMasterKeyId"]) != t.arn("Key") {
			f.add(r.ID, "is not encrypted with the stack's key")
		}
	}
	for _, r := range t.ofType("AWS::Scheduler::Schedule") {
		if text(r.Properties["KmsKeyArn"]) != t.arn("Key") {
			f.add(r.ID, "is not encrypted with the stack's key")
		}
	}
	return f
}

// channel is a topic or a queue with its policy.
type channel struct {
	name, policy, action, events string
}

var channels = []channel{
	{"NoticesTopic", "NoticesTopicPolicy", "sns:Publish", "cloudwatch.amazonaws.com"},
	{"NoticesDeadLetters", "NoticesDeadLettersPolicy", "sqs:SendMessage", "events.amazonaws.com"},
}

// overTLS are the actions that want TLS: all of a queue's. SNS has a topic's policy
// speak of publishing.
func (c channel) overTLS() []string {
	if c.action == "sqs:SendMessage" {
		return slices.DeleteFunc(slices.Clone(actionsOf("sqs")), func(action string) bool { return !knowsResources(action) })
	}
	return []string{c.action}
}

func channelsWantTLS(t *Template) (f Findings) {
	for _, c := range channels {
		p, ok := t.resourcePolicy(&f, c.policy, "PolicyDocument")
		if !ok {
			continue
		}
		for _, who := range []who{colleague, foreigner, nobody, t.roleARN("WorkflowRole"), t.roleARN("SweepRole")} {
			for _, action := range c.overTLS() {
				if p.answer(ask{who: who, action: action, resource: t.arn(c.name), keys: keys("aws:SecureTransport", "false")}) != refused {
					f.add(c.policy, "takes %s without TLS", action)
				}
			}
		}
	}
	return f
}

// channelsAreOurs: for all actions: services act for this account. EventBridge at the
// topic is the exception: AWS supports no condition there.
func channelsAreOurs(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy") {
		if !slices.ContainsFunc(channels, func(c channel) bool { return t.find(c.policy) == r }) {
			f.add(r.ID, "is a second policy of a channel, or one of another")
		}
	}
	for _, c := range channels {
		if r := t.find(c.policy); r != nil && !slices.Contains(slices.Concat(texts(r.Properties["Topics"]), texts(r.Properties["Queues"])), t.ref(c.name)) {
			f.add(c.policy, "is on another channel than %s", c.name)
		}
		p, ok := t.resourcePolicy(&f, c.policy, "PolicyDocument")
		if !ok {
			continue
		}
		tls := keys("aws:SecureTransport", "true")
		ours := with(tls, "aws:SourceAccount", Account, "aws:SourceArn", t.inRegion("events", "rule/a"))
		another := with(tls, "aws:SourceAccount", foreignAccount, "aws:SourceArn", "arn:aws:events:"+t.Region+":"+foreignAccount+":rule/a")
		people := append(slices.Concat(strangersOf(p.named()), membersOf(p.named())), foreigner, nobody, colleague)
		services := append(servicesOf(p.named()), who{service: "s3.amazonaws.com"}, who{service: "lambda.amazonaws.com"})
		actions, resource := slices.Concat(actionsOf("sns"), actionsOf("sqs")), []string{t.arn(c.name)}
		f = append(f, p.once(append(keyOf(slices.Concat(people, services), tls, another), c.policy, resource[0]), func() (found Findings) {
			for _, a := range slices.Concat(asks(people, actions, resource, []map[string][]string{tls}), asks(services, actions, resource, []map[string][]string{another})) {
				topicOfEvents := c.name == "NoticesTopic" && a.who.service == "events.amazonaws.com" && a.action == "sns:Publish"
				if !topicOfEvents && p.evaluate(a).may() {
					found.add(c.policy, "lets %q%s %s, not for us", a.who.arn, a.who.service, a.action)
				}
			}
			return found
		})...)
		if p.answer(ask{who: who{service: c.events}, action: c.action, resource: t.arn(c.name), keys: ours}) != granted {
			f.add(c.policy, "%s may not %s for us", c.events, c.action)
		}
	}
	return f
}

// eventsAreNotLost: what a rule or a schedule cannot deliver is kept, for long enough
// that somebody looks.
func eventsAreNotLost(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Events::Rule") {
		for _, target := range items(r.Properties["Targets"]) {
			if text(get(target, "DeadLetterConfig", "Arn")) != t.arn("NoticesDeadLetters") {
				f.add(r.ID, "what it cannot deliver is lost")
			}
		}
	}
	for _, r := range t.ofType("AWS::Scheduler::Schedule") {
		if text(get(r.Properties, "Target", "DeadLetterConfig", "Arn")) != t.arn("NoticesDeadLetters") {
			f.add(r.ID, "what it cannot start is lost")
		}
	}
	for _, r := range t.ofType("AWS::SQS::Queue") {
		if number(r.Properties["MessageRetentionPeriod"]) < 14*24*3600 {
			f.add(r.ID, "forgets undelivered events within two weeks")
		}
	}
	return f
}
