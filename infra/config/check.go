package config

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

var (
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	zoneName     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$`)
	prefixListID = regexp.MustCompile(`^pl-[0-9a-f]{8,17}$`)
	boundary     = regexp.MustCompile(`^(arn:aws:iam::([0-9]{12}|aws):policy/(?:[\w+=,.@-]+/)*)?[\w+=,.@-]{1,128}$`)
	principalARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$`)
)

// logPeriods are the retention periods of CloudWatch Logs, in days
// (PutRetentionPolicy, retentionInDays).
var logPeriods = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// maxPeople keeps the policies that name people, a role's trust policy (2,048
// characters) and the bucket policy, within their sizes, with ARNs of the usual
// length.
const maxPeople = 20

// minObjectDays keeps an accepted copy longer than any job may take.
const minObjectDays = 30

// minTrailDays leaves an inquiry a season.
const minTrailDays = 90

// check returns everything that is wrong with c, one line each: the key, its
// value and what is allowed.
func (c Config) check() error {
	return errors.Join(slices.Concat(
		c.checkRegion(), c.checkZones(), c.checkTuning(), c.checkSpending(), c.checkSweep(), c.checkBaseModel(), c.checkPeople(), c.checkAPI(), c.checkRest(),
	)...)
}

func (c Config) checkRegion() []error {
	for _, prefix := range []string{"cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"} {
		if strings.HasPrefix(c.Region, prefix) {
			return []error{fmt.Errorf("region is %q: that is another partition of AWS, and the stack's ARNs and endpoints are those of the partition aws, the only one where Bedrock is known to tune these models: want a region such as us-east-1", c.Region)}
		}
	}
	errs := []error{matches("region", c.Region, regionName, "a region such as us-east-1")}
	if c.S3PrefixListID() == "" {
		errs = append(errs, fmt.Errorf("region is %q, whose S3 prefix list is not known: add prefixListIds with its id, as \"aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.%s.s3\" prints it", c.Region, c.Region))
	}
	for region, id := range c.PrefixListIDs {
		errs = append(errs, matches("prefixListIds."+region, id, prefixListID, "an id such as pl-63a5400a"))
	}
	return errs
}

func (c Config) checkZones() []error {
	zones := c.AvailabilityZones
	if zones.Names == nil {
		return []error{within("availabilityZones", zones.Count, 2, 6)}
	}
	var errs []error
	if len(zones.Names) < 2 || len(zones.Names) > 6 {
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
	return []error{
		oneOf("customizationType", c.CustomizationType, "FINE_TUNING"),
		oneOf("serving.mode", c.Serving.Mode, finetune.ServeAuto, finetune.ServeOnDemand, finetune.ServeProvisioned),
		within("serving.modelUnits", c.Serving.ModelUnits, 1, 100),
		oneOf("serving.commitment", c.Serving.Commitment, CommitmentNone, CommitmentOneMonth, CommitmentSixMonths),
		oneOf("dataset.secrets", c.Dataset.Secrets, finetune.LookIgnore, finetune.LookNote, finetune.LookRefuse),
		oneOf("dataset.personalData", c.Dataset.PersonalData, finetune.LookIgnore, finetune.LookNote, finetune.LookRefuse),
		within("training.deadlineHours", c.Training.DeadlineHours, 1, 336),
	}
}

// minApproval and maxApproval bound how long an operator's answer is waited for.
const (
	minApproval = time.Hour
	maxApproval = finetune.MaxApprovalHours * time.Hour
)

func (c Config) checkSpending() []error {
	errs := []error{
		amount("training.maxUSD", c.Training.MaxUSD),
		amount("serving.maxHourlyUSD", c.Serving.MaxHourlyUSD),
		within("training.maxEpochs", c.Training.MaxEpochs, 0, 10_000),
	}
	after, err := time.ParseDuration(c.Approval.GiveUpAfter)
	if err != nil || after < minApproval || after > maxApproval {
		errs = append(errs, fmt.Errorf("approval.giveUpAfter is %q: want a duration such as 72h, from 1h to %dh", c.Approval.GiveUpAfter, finetune.MaxApprovalHours))
	}
	return errs
}

func (c Config) checkPeople() []error {
	var errs []error
	for key, arns := range map[string][]string{"uploaders": c.Uploaders, "operators": c.Operators} {
		errs = append(errs, within("the number of "+key, len(arns), 0, maxPeople))
		for i, arn := range arns {
			errs = append(errs, matches(key, arn, principalARN, "ARNs of IAM roles or users, such as arn:aws:iam::111122223333:role/team"))
			if slices.Contains(arns[:i], arn) {
				errs = append(errs, fmt.Errorf("%s holds %q twice: want each once", key, arn))
			}
		}
	}
	if c.AlarmEmail != "" {
		if address, err := mail.ParseAddress(c.AlarmEmail); err != nil || address.Address != c.AlarmEmail {
			errs = append(errs, fmt.Errorf("alarmEmail is %q: want an address such as team@example.com", c.AlarmEmail))
		}
	}
	return errs
}

func (c Config) checkRest() []error {
	errs := []error{
		oneOf("architecture", string(c.Architecture), string(ARM64), string(X8664)),
		within("retentionDays.objects", c.RetentionDays.Objects, minObjectDays, 3650),
		within("retentionDays.trail", c.RetentionDays.Trail, minTrailDays, 3650),
	}
	if c.PermissionsBoundary != "" {
		errs = append(errs, matches("permissionsBoundary", c.PermissionsBoundary, boundary, "the name of a managed policy of the account, or the ARN of one, such as arn:aws:iam::111122223333:policy/boundary"))
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

func amount(key string, value float64) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("%s is %v: want an amount in US dollars, 0 or more", key, value)
}

func within(key string, value, low, high int) error {
	if value >= low && value <= high {
		return nil
	}
	return fmt.Errorf("%s is %d: allowed are %d to %d", key, value, low, high)
}
