package config

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
)

var (
	regionName     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	zoneName       = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$`)
	prefixListID   = regexp.MustCompile(`^pl-[0-9a-f]{8,17}$`)
	principalARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$`)
	baseModelID    = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9.-]+(:[a-z0-9]+){0,2}$`)
	hyperparameter = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
)

// logPeriods are the retention periods of CloudWatch Logs, in days
// (PutRetentionPolicy, retentionInDays).
var logPeriods = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// minObjectDays keeps an accepted copy longer than any job may take.
const minObjectDays = 30

// check returns everything that is wrong with c, one line each: the key, its
// value and what is allowed.
func (c Config) check() error {
	return errors.Join(slices.Concat(c.checkPlace(), c.checkTuning(), c.checkPeople(), c.checkAPI(), c.checkRest())...)
}

func (c Config) checkPlace() []error {
	var errs []error
	errs = append(errs, matches("region", c.Region, regionName, "a region such as us-east-1"))
	if c.S3PrefixListID() == "" {
		errs = append(errs, fmt.Errorf("region is %q, whose S3 prefix list is not known: add prefixListIds with its id, as \"aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.%s.s3\" prints it", c.Region, c.Region))
	}
	for region, id := range c.PrefixListIDs {
		errs = append(errs, matches("prefixListIds."+region, id, prefixListID, "an id such as pl-63a5400a"))
	}
	zones := c.AvailabilityZones
	if len(zones.Names) == 0 {
		errs = append(errs, within("availabilityZones", zones.Count, 2, 6))
	}
	if len(zones.Names) == 1 || len(zones.Names) > 6 {
		errs = append(errs, fmt.Errorf("availabilityZones names %d zones: want 2 to 6", len(zones.Names)))
	}
	for i, zone := range zones.Names {
		errs = append(errs, matches("availabilityZones", zone, zoneName, "names such as "+c.Region+"a"))
		if !strings.HasPrefix(zone, c.Region) || slices.Contains(zones.Names[:i], zone) {
			errs = append(errs, fmt.Errorf("availabilityZones holds %q: want zones of %s, each once", zone, c.Region))
		}
	}
	return errs
}

func (c Config) checkTuning() []error {
	errs := []error{
		matches("baseModel", c.BaseModel, baseModelID, "a base model id such as amazon.nova-micro-v1:0:128k"),
		oneOf("customizationType", c.CustomizationType, "FINE_TUNING"),
		oneOf("serving.mode", c.Serving.Mode, finetune.ServeAuto, finetune.ServeOnDemand, finetune.ServeProvisioned),
		within("serving.modelUnits", c.Serving.ModelUnits, 1, 100),
		oneOf("serving.commitment", c.Serving.Commitment, CommitmentNone, CommitmentOneMonth, CommitmentSixMonths),
		within("training.deadlineHours", c.Training.DeadlineHours, 1, 336),
	}
	if c.Serving.Mode == finetune.ServeOnDemand && c.Serving.Commitment != CommitmentNone {
		errs = append(errs, fmt.Errorf("serving.commitment is %q with serving.mode %q: only a provisioned throughput has one", c.Serving.Commitment, c.Serving.Mode))
	}
	for name, value := range c.Hyperparameters {
		errs = append(errs, matches("hyperparameters", name, hyperparameter, "the API's names, such as epochCount"))
		if value == "" {
			errs = append(errs, fmt.Errorf("hyperparameters.%s is empty: want the value as a string, such as \"2\"", name))
		}
	}
	return errs
}

func (c Config) checkPeople() []error {
	var errs []error
	for key, arns := range map[string][]string{"uploaders": c.Uploaders, "operators": c.Operators} {
		for _, arn := range arns {
			errs = append(errs, matches(key, arn, principalARN, "ARNs of IAM roles or users"))
		}
	}
	if c.AlarmEmail != "" {
		if address, err := mail.ParseAddress(c.AlarmEmail); err != nil || address.Address != c.AlarmEmail {
			errs = append(errs, fmt.Errorf("alarmEmail is %q: want an address such as team@example.com", c.AlarmEmail))
		}
	}
	return errs
}

func (c Config) checkAPI() []error {
	return []error{
		oneOf("api.endpoint", c.API.Endpoint, EndpointRegional, EndpointPrivate),
		within("api.rateLimit", c.API.RateLimit, 1, 10_000),
		within("api.burstLimit", c.API.BurstLimit, 1, 5_000),
	}
}

func (c Config) checkRest() []error {
	errs := []error{
		oneOf("architecture", string(c.Architecture), string(ARM64), string(X8664)),
		within("retentionDays.objects", c.RetentionDays.Objects, minObjectDays, 3650),
	}
	if !slices.Contains(logPeriods, c.RetentionDays.Logs) {
		errs = append(errs, fmt.Errorf("retentionDays.logs is %d: allowed are %s", c.RetentionDays.Logs, strings.Trim(fmt.Sprint(logPeriods), "[]")))
	}
	return errs
}

func matches(key, value string, pattern *regexp.Regexp, want string) error {
	if pattern.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s is %q: want %s", key, value, want)
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s is %q: allowed are %s", key, value, strings.Join(allowed, ", "))
}

func within(key string, value, low, high int) error {
	if value >= low && value <= high {
		return nil
	}
	return fmt.Errorf("%s is %d: allowed are %d to %d", key, value, low, high)
}
