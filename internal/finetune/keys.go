package finetune

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// The prefixes of the bucket. Who may read and write which is the heart of the
// bucket policy and of every role's policy.
const (
	// PrefixDatasets is where teams drop data sets: <model>/<file>.jsonl.
	PrefixDatasets = "fine-tuning-datasets/"
	// PrefixValidation is where teams drop Bedrock's second data set:
	// <model>/validation.jsonl, before the data set it belongs to.
	PrefixValidation = "validation-datasets/"
	// PrefixMedia is where teams drop the images, videos and documents that their
	// records name: <model>/ and any key. They start nothing.
	PrefixMedia = "media/"
	// PrefixAccepted holds the checked copies Bedrock trains on: <runId>/.
	PrefixAccepted = "accepted/"
	// PrefixOutputs is where Bedrock writes a job's metrics: <runId>/.
	PrefixOutputs = "outputs/"
	// PrefixReports holds what is reported of a run: <runId>/.
	PrefixReports = "reports/"
	// PrefixRuns holds the claims: <runId>.json.
	PrefixRuns = "runs/"
	// PrefixRegistry holds one record a model: <model>.json.
	PrefixRegistry = "registry/"
	// PrefixApprovals holds an operator's word on spending: <runId>-<purpose>.json.
	PrefixApprovals = "approvals/"
)

// CheckKey refuses a key that is not made as those below are: a prefix of ours, and
// behind it parts of plain characters, none of which is "." or "..". Whatever reads or
// writes by a key that has a name in it asks this first, so that no name leads
// elsewhere, in S3 or in a program that takes a key for a path.
func CheckKey(key string) error {
	if len(key) > maxKey || !plainKey().MatchString(key) {
		return fmt.Errorf("a key of %d bytes is none of the pipeline's: its names must be of plain letters, digits and hyphens", len(key))
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "." || part == ".." {
			return fmt.Errorf("a key of %d bytes is none of the pipeline's: it has . or .. for a part", len(key))
		}
	}
	return nil
}

var plainKey = sync.OnceValue(func() *regexp.Regexp {
	prefixes := strings.Join([]string{
		PrefixDatasets, PrefixValidation, PrefixMedia, PrefixAccepted, PrefixOutputs, PrefixReports, PrefixRuns, PrefixRegistry, PrefixApprovals,
	}, "|")
	return regexp.MustCompile(`^(` + prefixes + `)[A-Za-z0-9_.+=@-]+(/[A-Za-z0-9_.+=@-]+)*/?$`)
})

// maxKey is more than any of the keys has, in bytes.
const maxKey = 300

// TuningKey is the key of a model's optional settings, beside its data sets.
func TuningKey(model string) string { return PrefixDatasets + model + "/tuning.json" }

// ValidationKey is the key of a model's optional validation data.
func ValidationKey(model string) string { return PrefixValidation + model + "/validation.jsonl" }

// MediaPrefix is the prefix of a model's media, in both of its data sets.
func MediaPrefix(model string) string { return PrefixMedia + model + "/" }

// AcceptedTrainingKey is the key of the copy a run's job is trained on.
func AcceptedTrainingKey(id RunID) string { return PrefixAccepted + string(id) + "/train.jsonl" }

// AcceptedValidationKey is the key of the copy a run's job is validated on. It
// depends on the version that was checked: unlike the data set's, that is not
// settled by the run's id, and two calls at work for one run must not overwrite
// each other's copy.
func AcceptedValidationKey(id RunID, versionID string) string {
	sum := sha256.Sum256([]byte(versionID))
	return PrefixAccepted + string(id) + "/validation-" + hex.EncodeToString(sum[:])[:8] + ".jsonl"
}

// OutputPrefix is the prefix Bedrock writes a run's metrics under.
func OutputPrefix(id RunID) string { return PrefixOutputs + string(id) + "/" }

// DatasetReportKey is the key of what the check found.
func DatasetReportKey(id RunID) string { return PrefixReports + string(id) + "/dataset.json" }

// RunReportKey is the key of the report of the run's end.
func RunReportKey(id RunID) string { return PrefixReports + string(id) + "/run.json" }

// RunKey is the key of a run's record.
func RunKey(id RunID) string { return PrefixRuns + string(id) + ".json" }

// ExecutionKey is the key under which an execution's data set is found again:
// its name is the last part of its ARN, and unique in the one state machine.
func ExecutionKey(executionARN string) string {
	return PrefixRuns + "executions/" + executionARN[strings.LastIndex(executionARN, ":")+1:] + ".json"
}

// RegistryKey is the key of a model's record.
func RegistryKey(model string) string { return PrefixRegistry + model + ".json" }

// ApprovalKey is the key of an operator's word on a run's spending for a purpose.
func ApprovalKey(id RunID, purpose string) string {
	return PrefixApprovals + string(id) + "-" + purpose + ".json"
}

// S3URI is the s3:// form of an object's place, as Bedrock takes it.
func S3URI(bucket, key string) string { return "s3://" + bucket + "/" + key }

// Tags on everything a run makes in Bedrock, by which an owner is found again.
const (
	// TagStack holds the stack's name.
	TagStack = "tuneline:stack"
	// TagModel holds the model's name.
	TagModel = "tuneline:model"
	// TagRun holds the RunID.
	TagRun = "tuneline:run"
)

// LogChecking is the message of the log lines that say how far a data set's
// check has come: key, bytes, of (bytes in all) and records.
const LogChecking = "checking"
