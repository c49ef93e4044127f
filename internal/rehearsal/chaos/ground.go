package chaos

import (
	"fmt"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// Ground is the stack and the account that a workload runs in.
type Ground struct {
	// Example is the configuration's folder, Scenario the account's built-in state.
	Example, Scenario string
	// dataset is a small data set whose answers name it.
	dataset func(set string) string
}

// The two shipped examples.
var (
	// OnDemand serves by deployments.
	OnDemand = Ground{"examples/support-nova-on-demand", "default", conversation}
	// Provisioned serves by provisioned throughput, which is billed by the hour.
	Provisioned = Ground{"examples/article-llama-provisioned", "article", promptCompletion}
)

// Two configurations of the rehearsal's own tests.
var (
	// Asking asks for an approval of both training and serving.
	Asking = Ground{"internal/rehearsal/testdata/asking", "article", promptCompletion}
	// Sweeping releases what nobody owns.
	Sweeping = Ground{"internal/rehearsal/testdata/sweep", "default", conversation}
)

// grounds are all of them.
var grounds = []Ground{OnDemand, Provisioned, Asking, Sweeping}

// What becomes of a workload's job is chosen by the name of its model, which is
// the workload's: one account serves all workloads of a ground.
const (
	failingJob      = "failing-job"
	failingCapacity = "failing-capacity"
)

// grantedUnits is more model units than any scenario may need: no quota keeps a
// defect from buying.
const grantedUnits = 50

// unitQuotas are those of model units without commitment, of all custom models and
// of each of the two base models.
var unitQuotas = []string{"L-BE77399C", "L-3632DE15", "L-AC096F71"}

// account is the ground's account, in which everything takes a few polls.
func (g Ground) account() (bedrock.Scenario, error) {
	s, err := bedrock.LoadScenario(g.Scenario)
	if err != nil {
		return s, err
	}
	for _, code := range unitQuotas {
		s.ModelUnits[code] = grantedUnits
	}
	if g.Example == Sweeping.Example {
		// When something was published is the functions' own clock, which sweeps
		// compare with the virtual one.
		s.Start = time.Now().UTC().Truncate(time.Second)
	}
	short := func(d time.Duration) bedrock.Duration { return bedrock.Duration(d) }
	s.Durations = bedrock.Durations{
		Validation: short(20 * time.Second), DataProcessing: short(10 * time.Second), TrainingMinimum: short(20 * time.Second),
		TrainingPerRow: short(100 * time.Millisecond),
		Stopping:       short(time.Minute), ModelCreating: short(15 * time.Second),
		Deployment: short(40 * time.Second), DeploymentUpdate: short(40 * time.Second),
		Throughput: short(40 * time.Second), ThroughputUpdate: short(40 * time.Second),
	}
	s.Jobs = append(s.Jobs, bedrock.JobOutcome{Match: bedrock.Match{NameContains: failingJob}, Status: "Failed", FailureMessage: "The loss became NaN in step 7"})
	noCapacity := bedrock.ServeOutcome{Match: bedrock.Match{NameContains: failingCapacity}, CreateFails: true, FailureMessage: "Insufficient capacity in this Region"}
	s.Deployments, s.Throughputs = append(s.Deployments, noCapacity), append(s.Throughputs, noCapacity)
	return s, nil
}

// records is enough for every base model.
const records = 100

// topics are what the data sets are about.
var topics = []string{"the boiler", "the lighthouse", "the tram", "the orchard", "the archive", "the ferry", "the kiln", "the harbour", "the observatory", "the bakery", "the reservoir", "the workshop"}

func question(n int) string {
	return fmt.Sprintf("When was %s last inspected, and by whom?", topics[n%len(topics)])
}

// fact is the answer a data set gives to the nth question.
func fact(set string, n int) string {
	return fmt.Sprintf("Team %s inspected %s; the note is number %d.", set, topics[n%len(topics)], 100+n)
}

// larger is a data set that takes longer to train on than others.
func larger(text string) string { return strings.Repeat(text, 60) }

// conversation is a small Nova data set.
func conversation(set string) string {
	var text strings.Builder
	for n := range topics {
		fmt.Fprintf(&text, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":%q}]},{"role":"assistant","content":[{"text":%q}]}]}`+"\n", question(n), fact(set, n))
	}
	return text.String()
}

// promptCompletion is a small Llama data set of the least number of records.
func promptCompletion(set string) string {
	var text strings.Builder
	for n := range records {
		q := question(n)
		if n >= len(topics) {
			q = fmt.Sprintf("What does page %d of the log about %s say?", n, topics[n%len(topics)])
		}
		fmt.Fprintf(&text, `{"prompt":%q,"completion":%q}`+"\n", q, fact(set, n))
	}
	return text.String()
}
