package bedrock

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Statuses, in the words of the API's enums.
const (
	statusInProgress = "InProgress"
	statusCompleted  = "Completed"
	statusFailed     = "Failed"
	statusStopping   = "Stopping"
	statusStopped    = "Stopped"
	statusNotStarted = "NotStarted"
	statusCreating   = "Creating"
	statusActive     = "Active"
	statusInService  = "InService"
	statusUpdating   = "Updating"
)

// Job is a snapshot of a customization job.
type Job struct {
	ARN, Name, Token string
	// Status is InProgress, Stopping, Stopped, Completed or Failed, and Stage
	// where the job is or ended: validation, dataProcessing or training.
	Status, Stage  string
	FailureMessage string
	// BaseModel is the foundation model's id; RoleARN, KMSKey, the S3 URIs,
	// Subnets and SecurityGroups are the request's.
	BaseModel, RoleARN, KMSKey        string
	TrainingURI, OutputURI            string
	ValidationURIs                    []string
	Subnets, SecurityGroups           []string
	HyperParameters                   map[string]string
	ModelName, ModelARN               string
	Created, Modified, Ended          time.Time
	Records                           int
	TrainingLoss                      float64
	ValidationLosses                  []float64
	Tags                              map[string]string
	CustomizationType, BaseIdentifier string
}

// Model is a snapshot of a custom model.
type Model struct {
	ARN, Name, Status, JobARN, JobName, BaseModel, KMSKey string
	Created                                               time.Time
	Tags                                                  map[string]string
}

// Deployment is a snapshot of an on-demand deployment of a custom model.
type Deployment struct {
	ARN, Name, Status, Description, FailureMessage string
	// ModelARN answers; UpdateModelARN and UpdateStatus are the last update's.
	ModelARN, UpdateModelARN, UpdateStatus string
	Created, Modified                      time.Time
	Tags                                   map[string]string
}

// Throughput is a snapshot of a provisioned throughput.
type Throughput struct {
	ARN, Name, Status, FailureMessage string
	// ModelARN answers; DesiredModelARN differs while Updating.
	ModelARN, DesiredModelARN string
	Units                     int
	Commitment                string
	CommitmentEnds            time.Time
	Created, Modified         time.Time
	Tags                      map[string]string
}

// model is a custom model with what it learnt.
type model struct {
	Model
	job     *job
	base    BaseModel
	learnt  *learnt
	readyAt time.Time
}

// token remembers what a clientRequestToken made.
type token struct {
	arn    string
	digest [sha256.Size]byte
}

// newID makes a resource id of 12 lower-case letters and digits. It is the
// same in every run that makes the same requests in the same order.
func (d *Double) newID(kind string) string {
	d.sequence++
	sum := sha256.Sum256([]byte(kind + "|" + d.o.AccountID + "|" + strconv.Itoa(d.sequence)))
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 12)
	for i := range id {
		id[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(id)
}

func (d *Double) arn(kind, id string) string {
	return fmt.Sprintf("arn:aws:bedrock:%s:%s:%s/%s", d.o.Region, d.o.AccountID, kind, id)
}

func (d *Double) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

func (d *Double) findJob(identifier string) *job {
	for _, j := range d.jobs {
		if j.ARN == identifier || j.Name == identifier {
			return j
		}
	}
	return nil
}

func (d *Double) findModel(identifier string) *model {
	for _, m := range d.models {
		if m.ARN == identifier || m.Name == identifier {
			return m
		}
	}
	return nil
}

func (d *Double) findDeployment(identifier string) *deployment {
	for _, p := range d.deployments {
		if p.ARN == identifier || p.Name == identifier {
			return p
		}
	}
	return nil
}

func (d *Double) findThroughput(identifier string) *throughput {
	for _, t := range d.throughputs {
		if t.ARN == identifier || t.Name == identifier {
			return t
		}
	}
	return nil
}

// tagsOf returns a copy of a resource's tags.
func (d *Double) tagsOf(arn string) map[string]string { return maps.Clone(d.tags[arn]) }

// Jobs returns the customization jobs, oldest first.
func (d *Double) Jobs() []Job {
	return snapshot(d, d.jobsLocked, func(j *job) Job {
		s := j.Job
		s.Tags = d.tagsOf(j.ARN)
		return s
	})
}

// Models returns the custom models that exist, oldest first.
func (d *Double) Models() []Model {
	return snapshot(d, func() []*model { return d.models }, func(m *model) Model {
		s := m.Model
		s.Tags = d.tagsOf(m.ARN)
		return s
	})
}

// Deployments returns the on-demand deployments that exist, oldest first.
func (d *Double) Deployments() []Deployment {
	return snapshot(d, func() []*deployment { return d.deployments }, func(p *deployment) Deployment {
		s := p.Deployment
		s.Tags = d.tagsOf(p.ARN)
		return s
	})
}

// Throughputs returns the provisioned throughputs that exist, oldest first.
func (d *Double) Throughputs() []Throughput {
	return snapshot(d, func() []*throughput { return d.throughputs }, func(t *throughput) Throughput {
		s := t.Throughput
		s.Tags = d.tagsOf(t.ARN)
		return s
	})
}

func (d *Double) jobsLocked() []*job { return d.jobs }

// snapshot copies a list under the lock.
func snapshot[T, S any](d *Double, list func() []T, copyOf func(T) S) []S {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []S
	for _, item := range list() {
		all = append(all, copyOf(item))
	}
	return all
}

// tagList is a resource's tags in the shape of the API, sorted by key.
func tagList(tags map[string]string) []map[string]string {
	list := make([]map[string]string, 0, len(tags))
	for key, value := range tags {
		list = append(list, map[string]string{"key": key, "value": value})
	}
	sort.Slice(list, func(i, k int) bool { return list[i]["key"] < list[k]["key"] })
	return list
}

// splitS3 splits an S3 URI into bucket and key; the key may be empty.
func splitS3(uri string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	return bucket, key
}
