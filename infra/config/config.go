// Package config is what a user controls of the stack: the context key
// "tuneline" of cdk.json, typed and checked. It never looks anything up: what
// would need an account (such as an S3 prefix list id) is committed here and
// can be overridden; "tuneline preflight" compares it.
package config

import (
	"fmt"
	"time"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Architecture is the instruction set the functions are compiled for, in
// Lambda's words.
type Architecture string

// Lambda's instruction sets.
const (
	ARM64 Architecture = "arm64"
	X8664 Architecture = "x86_64"
)

// GOARCH is the architecture in the Go toolchain's words.
func (a Architecture) GOARCH() string {
	if a == X8664 {
		return "amd64"
	}
	return string(a)
}

// Commitments to a provisioned throughput, as configured.
const (
	// CommitmentNone buys by the hour.
	CommitmentNone = "none"
	// CommitmentOneMonth and CommitmentSixMonths cannot be deleted before the
	// term is over, and renew by themselves.
	CommitmentOneMonth  = "OneMonth"
	CommitmentSixMonths = "SixMonths"
)

// Config is everything a user decides about the stack. [Default] is the stack
// of somebody who decided nothing.
type Config struct {
	// Region is where everything lives: a data set, its job and its model
	// must share one region.
	Region string `json:"region"`
	// AvailabilityZones is how many zones to use, or which.
	AvailabilityZones Zones `json:"availabilityZones"`

	// BaseModel, CustomizationType and Hyperparameters are what a model is
	// tuned with unless its tuning.json says otherwise. Hyperparameters are
	// CreateModelCustomizationJob's: names and values, both strings; none means
	// the base model's own defaults.
	BaseModel         string            `json:"baseModel"`
	CustomizationType string            `json:"customizationType"`
	Hyperparameters   map[string]string `json:"hyperparameters"`
	// AllowedBaseModels are the ids of the base models that may be tuned, by a
	// tuning.json as well; none means all of the catalogue that the Region has.
	AllowedBaseModels []string `json:"allowedBaseModels"`
	// Serving is how models are served unless their tuning.json says otherwise.
	Serving Serving `json:"serving"`
	// Dataset is about what should not be trained on.
	Dataset Dataset `json:"dataset"`
	// Training bounds a job.
	Training Training `json:"training"`
	// AcceptUnknownPrice lets what has no row in the price table pass for what is
	// below its ceiling. No tuning.json changes this or any other ceiling.
	AcceptUnknownPrice bool `json:"acceptUnknownPrice"`
	// Approval is about what crosses a ceiling.
	Approval Approval `json:"approval"`

	// Uploaders are the ARNs of the IAM roles and users, at most 20, that may
	// assume the uploader role; with any, uploads by anybody else but operators
	// are denied. None means that IAM alone decides.
	Uploaders []string `json:"uploaders"`
	// Operators are the ARNs, at most 20, that may assume the operator role. None means
	// that IAM alone decides.
	Operators []string `json:"operators"`
	// API shapes the inference API.
	API API `json:"api"`
	// BucketPolicy holds the exceptions to the bucket policy.
	BucketPolicy BucketPolicy `json:"bucketPolicy"`

	// Trail is the CloudTrail trail of the stack.
	Trail Trail `json:"trail"`
	// PermissionsBoundary is the name or the ARN of a managed policy that bounds what
	// every role of the stack can be allowed; "" means none.
	PermissionsBoundary string `json:"permissionsBoundary"`

	// RetentionDays is how long what is not needed any more is kept.
	RetentionDays Retention `json:"retentionDays"`
	// AlarmEmail receives notices and alarms; "" means nobody is subscribed.
	AlarmEmail string `json:"alarmEmail"`
	// Architecture is what the functions run on.
	Architecture Architecture `json:"architecture"`
	// PrefixListIDs is region → id of AWS's managed prefix list of S3, where
	// the committed one is missing or wrong.
	PrefixListIDs map[string]string `json:"prefixListIds"`
}

// Zones is either a number of availability zones, then the first ones of the
// account's list are taken at deployment, or their names.
type Zones struct {
	Count int
	Names []string
}

// Serving is how a custom model is served.
type Serving struct {
	// Mode is auto, on-demand or provisioned; auto is on-demand where the base
	// model has it.
	Mode string `json:"mode"`
	// ModelUnits is how many model units a provisioned throughput buys.
	ModelUnits int `json:"modelUnits"`
	// Commitment is none, OneMonth or SixMonths.
	Commitment string `json:"commitment"`
	// MaxHourlyUSD is what a model's capacity may cost by the hour, in US dollars,
	// without an operator's approval. With 0 every provisioned throughput is asked
	// for; on-demand serving costs nothing by the hour and never is.
	MaxHourlyUSD float64 `json:"maxHourlyUSD"`

	// ReleaseAfter is how long after its publication a model's provisioned
	// throughput is released, ReleaseIdleAfter how long after its last invocation.
	// They are durations such as 72h; "" means never.
	ReleaseAfter     string `json:"releaseAfter"`
	ReleaseIdleAfter string `json:"releaseIdleAfter"`
	// WarnIdleAfter is how long after the last invocation people are told; "" means
	// never.
	WarnIdleAfter string `json:"warnIdleAfter"`
	// Orphans says what is done with capacity that no run and no model has: report
	// or release.
	Orphans string `json:"orphans"`
	// SweepEvery is how often all that is looked at.
	SweepEvery string `json:"sweepEvery"`
}

// Dataset is about what should not be trained on. Each is ignore, note, which
// tells of it in the report, or refuse, which rejects the data set. No tuning.json
// changes it.
type Dataset struct {
	// Secrets are keys, tokens and passwords in texts.
	Secrets string `json:"secrets"`
	// PersonalData are e-mail addresses, card numbers and IBANs in texts.
	PersonalData string `json:"personalData"`
}

// Training bounds a job.
type Training struct {
	// DeadlineHours is how long a job may take, in hours, before it is stopped.
	DeadlineHours int `json:"deadlineHours"`
	// MaxUSD is what a job may cost, in US dollars, without an operator's approval;
	// 0 means that no price is too high.
	MaxUSD float64 `json:"maxUSD"`
	// MaxEpochs is how many epochs it may have without one; 0 means any number.
	MaxEpochs int `json:"maxEpochs"`
}

// Approval is about what an operator is asked.
type Approval struct {
	// GiveUpAfter is how long an answer is waited for, as time.ParseDuration reads
	// it. A run that nobody answered ends with nothing bought.
	GiveUpAfter string `json:"giveUpAfter"`
}

// BucketPolicy holds the exceptions to the bucket policy.
type BucketPolicy struct {
	// ExemptServiceRole lets the role Bedrock assumes reach its objects from
	// outside the VPC as well. Needed only if Bedrock checks the data set from
	// its own network and refuses the job.
	ExemptServiceRole bool `json:"exemptServiceRole"`
	// UploadsFromVPCOnly takes away the exception for uploads: then they, too,
	// come through the VPC's endpoint, but for the operator role's.
	UploadsFromVPCOnly bool `json:"uploadsFromVpcOnly"`
}

// Trail is a trail of CloudTrail; by default there is none. An account's first trail
// records management events for nothing, and most accounts have one: a second one
// costs money.
type Trail struct {
	Enabled bool `json:"enabled"`
}

// Retention is in days.
type Retention struct {
	// Logs is one of the periods CloudWatch Logs offers.
	Logs int `json:"logs"`
	// Objects is how long accepted copies and versions that are no longer
	// current are kept; an accepted copy is gone a day later, with its versions.
	// What a team uploaded, its reports and the registry stay.
	Objects int `json:"objects"`
	// Trail is how long the files of the stack's trail are kept, where it has one.
	Trail int `json:"trail"`
}

// Default is the configuration of a stack without any: a base model that is
// open to new jobs, served by the token, in an account without quotas.
func Default() Config {
	return Config{
		Region:            "us-east-1",
		AvailabilityZones: Zones{Count: 3},
		BaseModel:         catalog.DefaultBaseModel,
		CustomizationType: "FINE_TUNING",
		Hyperparameters:   map[string]string{},
		AllowedBaseModels: []string{},
		Serving: Serving{
			Mode: finetune.ServeAuto, ModelUnits: 1, Commitment: CommitmentNone,
			WarnIdleAfter: "24h", Orphans: finetune.OrphansReport, SweepEvery: "1h",
		},
		Dataset:       Dataset{Secrets: finetune.LookNote, PersonalData: finetune.LookNote},
		Training:      Training{DeadlineHours: 48},
		Approval:      Approval{GiveUpAfter: "72h"},
		Uploaders:     []string{},
		Operators:     []string{},
		API:           defaultAPI(),
		RetentionDays: Retention{Logs: 90, Objects: 180, Trail: 365},
		Architecture:  ARM64,
		PrefixListIDs: map[string]string{},
	}
}

// Ceilings is what a run may cost without anybody being asked.
func (c Config) Ceilings() finetune.Ceilings {
	after, err := time.ParseDuration(c.Approval.GiveUpAfter)
	if err != nil {
		panic(fmt.Sprintf("approval.giveUpAfter was not checked: %v", err))
	}
	return finetune.Ceilings{
		TrainingUSD: c.Training.MaxUSD, Epochs: c.Training.MaxEpochs, HourlyUSD: c.Serving.MaxHourlyUSD,
		Commitment:         c.Settings().Serving.Commitment,
		AcceptUnknownPrice: c.AcceptUnknownPrice, GiveUpSeconds: int(after / time.Second),
	}
}

// Settings is the configuration's part that travels with every run.
func (c Config) Settings() finetune.Settings {
	serving := finetune.Serving{Mode: c.Serving.Mode, ModelUnits: c.Serving.ModelUnits, Commitment: c.Serving.Commitment}
	if serving.Commitment == CommitmentNone {
		serving.Commitment = ""
	}
	return finetune.Settings{
		BaseModel:         c.BaseModel,
		CustomizationType: c.CustomizationType,
		Hyperparameters:   c.Hyperparameters,
		Serving:           serving,
	}
}
