package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// The limits of GetMetricStatistics
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html):
// points of an hour are kept for 455 days, and a call answers 1,440 points at most.
const (
	metricHour  = time.Hour
	metricDays  = 455 * 24 * time.Hour
	metricLimit = 1440
)

// sweepIdle tells of provisioned throughput that nobody asks, and releases it
// where that is configured.
func (s *sweeping) sweepIdle(ctx context.Context, m registry.Model, c bought) error {
	release := time.Duration(s.sweeper.rules.ReleaseIdleSeconds) * time.Second
	warn := time.Duration(s.sweeper.rules.WarnIdleSeconds) * time.Second
	if release == 0 && warn == 0 {
		return nil
	}
	used, length, measured, err := s.lastUsed(ctx, c)
	if err != nil {
		return err
	}
	since := servedSince(m, c)
	if !measured {
		if s.at.Sub(since) >= shorter(release, warn) {
			s.tell(finetune.TellUnmeasured, c.arn, c.created, "CloudWatch has no invocation at all of %s, which serves model %s: not even this pipeline's own smoke test. "+
				"Whether it is idle cannot be judged, and it is not released for that. It is billed by the hour. Look at the metric Invocations in AWS/Bedrock; if the model is not needed: %s",
				c.arn, m.Name, deleteCommand(c.kind, c.arn))
		}
		return nil
	}
	if since.After(used) {
		used = since
	}
	used = s.sameSpell(c.arn, used, length)
	if warn > 0 && s.at.Sub(used) >= warn {
		s.tell(finetune.TellIdle, c.arn, used, "Nobody has asked model %s since %s. It is served from %s, which is billed by the hour whether it is asked or not. If it is not needed: %s",
			m.Name, day(used), c.arn, deleteCommand(c.kind, c.arn))
	}
	if release == 0 {
		return nil
	}
	_, err = s.sweepPeriod(ctx, m, c, period{
		kind: finetune.TellIdles, from: used, length: release,
		why:  fmt.Sprintf("was last asked on %s, and serving.releaseIdleAfter is %s", day(used), short(release)),
		keep: "ask it anything before that, or deploy with a longer serving.releaseIdleAfter",
	})
	return err
}

// sameSpell is the beginning of idleness that people were told of, where it is this
// one. The points of the metric get longer with every 60 days of a throughput's
// life, and what is found by them then shifts by less than a point's length. Was
// it told after that, nobody has asked since.
func (s *sweeping) sameSpell(arn string, used time.Time, length time.Duration) time.Time {
	for _, t := range s.memory.Told {
		idle := t.Thing == arn && (t.Kind == finetune.TellIdle || t.Kind == finetune.TellIdles)
		if idle && !t.At.Before(used) && used.Sub(t.Since).Abs() < length {
			return t.Since
		}
	}
	return used
}

// shorter is the shorter of two durations of which 0 means none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// lastUsed is when a provisioned throughput was last asked, at the latest, by the
// metric Invocations
// (https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html).
// Its dimension ModelId is what the caller sent as model id, so a throughput's
// ARN; that is unverified. Therefore nothing measured means nothing known: every
// throughput has been asked at least once, by the smoke test.
func (s *sweeping) lastUsed(ctx context.Context, c bought) (used time.Time, length time.Duration, measured bool, err error) {
	start := c.created.Truncate(metricHour)
	if oldest := s.at.Add(-metricDays).Truncate(metricHour); start.Before(oldest) {
		start = oldest
	}
	// At most eight, for what is kept.
	hours := int32(min(s.at.Sub(start), metricDays+metricHour)/(metricLimit*metricHour)) + 1 //nolint:gosec // bounded on this line
	length = time.Duration(hours) * metricHour
	out, err := s.sweeper.metrics.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Bedrock"), MetricName: aws.String("Invocations"),
		Dimensions: []cwtypes.Dimension{{Name: aws.String("ModelId"), Value: &c.arn}},
		StartTime:  &start, EndTime: &s.at, Period: aws.Int32(hours * int32(metricHour/time.Second)),
		Statistics: []cwtypes.Statistic{cwtypes.StatisticSum},
	})
	if err != nil {
		return used, length, false, fmt.Errorf("asking CloudWatch when %s was last invoked: %w", c.arn, err)
	}
	for _, point := range out.Datapoints {
		if end := aws.ToTime(point.Timestamp).Add(length).UTC(); aws.ToFloat64(point.Sum) > 0 && end.After(used) {
			used, measured = end, true
		}
	}
	if used.After(s.at) {
		used = s.at
	}
	return used, length, measured, nil
}
