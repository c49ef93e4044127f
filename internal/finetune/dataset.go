package finetune

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Dataset is one version of one JSONL object, as the S3 "Object Created" event
// names it (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
// Every field is a string because an EventBridge input transformer can only
// fill strings.
type Dataset struct {
	// Bucket is the bucket's name.
	Bucket string `json:"bucket"`
	// Key is the object's key, not URL-encoded.
	Key string `json:"key"`
	// VersionID is the object version; the bucket is versioned, so it is never
	// empty for a real upload.
	VersionID string `json:"versionId"`
	// Sequencer orders events of the same key: a hexadecimal number, compared
	// after padding to the same length.
	Sequencer string `json:"sequencer"`
}

// What is done about secrets and personal data in the texts of a data set, as
// dataset.secrets and dataset.personalData.
const (
	// LookIgnore does not look.
	LookIgnore = "ignore"
	// LookNote tells of them in the report.
	LookNote = "note"
	// LookRefuse rejects the data set that has any.
	LookRefuse = "refuse"
)

// ExecutionInput is what starts an execution: the upload, and whether an
// operator asks to go on with a run that ended before ("tuneline resume"), or to
// serve one again that was published before ("tuneline rollback").
type ExecutionInput struct {
	Dataset  Dataset `json:"dataset"`
	Resume   bool    `json:"resume"`
	Rollback bool    `json:"rollback"`
}

// RunID identifies one upload's way through the pipeline: the first 16
// hexadecimal digits of SHA-256 over bucket, key and version.
type RunID string

// RunID returns the identity of the run this upload starts, however often its
// event is delivered.
func (d Dataset) RunID() RunID {
	sum := sha256.Sum256([]byte(d.Bucket + "\x00" + d.Key + "\x00" + d.VersionID))
	return RunID(hex.EncodeToString(sum[:])[:16])
}

// runID is what [Dataset.RunID] makes.
var runID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{16}$`) })

// Check says whether r can be a run's id: a person typed it.
func (r RunID) Check() error {
	if !runID().MatchString(string(r)) {
		return fmt.Errorf("%q is no run's id: it has 16 of the digits 0 to 9 and a to f", string(r))
	}
	return nil
}

// MaxModelName is the longest model name, in characters: a job or custom model
// name is the model name, a hyphen and a RunID, and Bedrock allows 63.
const MaxModelName = 40

// modelName is the part of the API's name patterns that job names, custom
// model names and URL paths share: letters, digits and single hyphens.
var modelName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9])*$`) })

// ModelName returns the model a data set key belongs to: the folder directly
// under [PrefixDatasets]. The error says what a key must look like.
func ModelName(key string) (string, error) {
	rest, ok := strings.CutPrefix(key, PrefixDatasets)
	if !ok {
		return "", fmt.Errorf("key does not begin with %s", PrefixDatasets)
	}
	model, file, ok := strings.Cut(rest, "/")
	if !ok || strings.Contains(file, "/") || !strings.HasSuffix(file, ".jsonl") || file == ".jsonl" {
		return "", fmt.Errorf("key must be %s<model>/<file>.jsonl: exactly one folder, named after the model, and a file in it", PrefixDatasets)
	}
	if err := CheckModelName(model); err != nil {
		return "", err
	}
	return model, nil
}

// CheckModelName says whether name can be a model's name.
func CheckModelName(name string) error {
	if len(name) > MaxModelName || !modelName().MatchString(name) {
		return fmt.Errorf("the model folder must be 1 to %d letters, digits and single hyphens, beginning and ending with a letter or digit", MaxModelName)
	}
	return nil
}

// Run is the identity a run carries through the pipeline.
type Run struct {
	ID    RunID  `json:"id"`
	Model string `json:"model"`
	// Order is the upload's place among the uploads of the same model.
	Order UploadOrder `json:"order"`
}

// Name is the name of everything the run makes in Bedrock: job, custom model,
// deployment and provisioned throughput. It satisfies the pattern of each
// (CreateModelCustomizationJob, CreateCustomModelDeployment,
// CreateProvisionedModelThroughput): 63 characters, no "_", no ".".
func (r Run) Name() string {
	return r.Model + "-" + string(r.ID) + salt()
}

// Token is the clientRequestToken of the run's call for one purpose, such as
// "job". It satisfies [a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?.
func (r Run) Token(purpose string) string {
	return string(r.ID) + "-" + purpose + salt()
}

// UploadOrder orders uploads of one model: by LastModified of the version,
// within one key by EventBridge's sequencer, and by run id when both tie.
type UploadOrder struct {
	// LastModified is the object version's Last-Modified, a second's resolution.
	LastModified time.Time `json:"lastModified"`
	Key          string    `json:"key"`
	Sequencer    string    `json:"sequencer"`
	RunID        RunID     `json:"runId"`
}

// Before says whether u was uploaded before o.
func (u UploadOrder) Before(o UploadOrder) bool {
	if !u.LastModified.Equal(o.LastModified) {
		return u.LastModified.Before(o.LastModified)
	}
	if u.Key == o.Key {
		width := max(len(u.Sequencer), len(o.Sequencer))
		if a, b := pad(u.Sequencer, width), pad(o.Sequencer, width); a != b {
			return a < b
		}
	}
	return u.RunID < o.RunID
}

// pad brings a sequencer to width: S3 documents that shorter ones are compared
// after padding with zeros on the left.
func pad(sequencer string, width int) string {
	return strings.Repeat("0", width-len(sequencer)) + strings.ToUpper(sequencer)
}
