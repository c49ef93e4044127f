package config

import (
	"fmt"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// The bounds of what the sweep goes by.
const (
	minSweep, maxSweep = 15 * time.Minute, 24 * time.Hour
	// minRelease leaves time for the warning before a release: an hour at least, and
	// one sweep, of which there are then three more.
	minRelease = 4 * time.Hour
	// minIdle is two of CloudWatch's points of an hour.
	minIdle = 2 * time.Hour
	// maxPeriod is a year; CloudWatch keeps points of an hour for 455 days
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention).
	maxPeriod = 365 * 24 * time.Hour
)

func (c Config) checkSweep() []error {
	s := c.Serving
	every, wrong := period("serving.sweepEvery", s.SweepEvery, minSweep, maxSweep, "")
	errs := []error{wrong, oneOf("serving.orphans", s.Orphans, finetune.OrphansReport, finetune.OrphansRelease)}
	if every%time.Minute != 0 {
		errs = append(errs, fmt.Errorf("serving.sweepEvery is %q: want whole minutes", s.SweepEvery))
	}
	const never = `, or "" for never`
	_, wrong = period("serving.warnIdleAfter", s.WarnIdleAfter, minIdle, maxPeriod, never)
	errs = append(errs, wrong)
	const warned = never + "; a warning comes first, at least an hour and one serving.sweepEvery before"
	for _, release := range []struct{ key, value string }{{"serving.releaseAfter", s.ReleaseAfter}, {"serving.releaseIdleAfter", s.ReleaseIdleAfter}} {
		_, wrong := period(release.key, release.value, max(minRelease, 4*every), maxPeriod, warned)
		errs = append(errs, wrong)
	}
	return errs
}

// period reads a duration within bounds. otherwise is what else is allowed, in
// words; with any, "" is.
func period(key, value string, least, most time.Duration, otherwise string) (time.Duration, error) {
	if value == "" && otherwise != "" {
		return 0, nil
	}
	length, err := time.ParseDuration(value)
	if err != nil || length < least || length > most {
		return 0, fmt.Errorf("%s is %q: want a duration from %s to %s%s", key, value, short(least), short(most), otherwise)
	}
	return length, nil
}

// short is a duration of whole minutes without its zeros.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

// Sweeping is the configuration's part that goes to the sweep. The configuration
// was checked.
func (c Config) Sweeping() finetune.Sweeping {
	s := c.Serving
	return finetune.Sweeping{
		ReleaseAfterSeconds: seconds(s.ReleaseAfter), ReleaseIdleSeconds: seconds(s.ReleaseIdleAfter),
		WarnIdleSeconds: seconds(s.WarnIdleAfter), Orphans: s.Orphans, EverySeconds: seconds(s.SweepEvery),
	}
}

// WatchesInvocations says whether anything goes by how long nobody has asked a
// model, for which CloudWatch must be reached from the VPC.
func (c Config) WatchesInvocations() bool {
	return c.Serving.WarnIdleAfter != "" || c.Serving.ReleaseIdleAfter != ""
}

// seconds is a checked duration in seconds, 0 for "".
func seconds(value string) int {
	if value == "" {
		return 0
	}
	length, err := time.ParseDuration(value)
	if err != nil {
		panic(fmt.Sprintf("the configuration was not checked: %v", err))
	}
	return int(length / time.Second)
}
