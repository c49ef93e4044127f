package chaos

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Workload is something people do with the pipeline.
type Workload struct {
	// ID begins the ids of its scenarios and the names of their models.
	ID     string
	Ground Ground
	// Arrange is what has happened before, undisturbed; it may be nil.
	Arrange func(*Stage) error
	// Act is what faults strike at. What it started has ended when it returns.
	Act func(*Stage) error
	// States are the beginnings of the names of the states in which it differs from
	// the workloads before it; nil for all. There every fault strikes at every
	// call, elsewhere at those that are drawn.
	States []string
	// Bought is how many throughputs billed by the hour are bought in all, Beside
	// whether one may be bought beside one that serves.
	Bought int
	Beside bool
	// GoesBack says that callers must reach what was published last, and not the
	// newest data.
	GoesBack bool
	// Races says that things come in another order each time: the end of each
	// upload is then not held against the end it has undisturbed.
	Races bool
	// Together says that executions go on at the same time, and so race. A call
	// then goes by its function and not by its state, which it does not show.
	Together bool
}

// Workloads are all workloads. To add one is to add an entry.
func Workloads() []Workload {
	return []Workload{
		{ID: "ondemand-first", Ground: OnDemand, Act: do(upload1("a"))},
		{ID: "ondemand-second", States: []string{"SecureThroughput", "PublishEndpoint"}, Ground: OnDemand, Arrange: do(upload1("a")), Act: do(upload1("b"))},
		{ID: "ondemand-third", States: []string{"PublishEndpoint"}, Ground: OnDemand, Arrange: do(upload1("a"), upload1("b")), Act: do(upload1("c"))},
		{ID: "provisioned-first", States: []string{"SecureThroughput", "PollThroughput", "PublishEndpoint"}, Ground: Provisioned, Act: do(upload1("a")), Bought: 1},
		{ID: "provisioned-second", States: []string{"SecureThroughput", "PollThroughput", "PublishEndpoint"}, Ground: Provisioned, Arrange: do(upload1("a")), Act: do(upload1("b")), Bought: 1},
		{ID: failingJob, States: []string{"ReleaseRun"}, Ground: OnDemand, Act: do(upload1("a"))},
		{ID: failingCapacity, States: []string{"ReleaseRun"}, Ground: OnDemand, Act: do(upload1("a"))},
		{ID: failingCapacity + "-provisioned", States: []string{"ReleaseRun"}, Ground: Provisioned, Act: do(upload1("a")), Bought: 1},
		{ID: "restored", States: []string{"ReleaseRun"}, Ground: Provisioned, Arrange: do(upload1("a")), Act: failSmokeTest, Bought: 1},
		{ID: "rejected-data", States: []string{"ValidateDataset", "ReleaseRun"}, Ground: OnDemand, Act: do(uploadText("a", "{\"messages\":[]}\n"))},
		{ID: "no-units", States: []string{"ReleaseRun", "release:"}, Ground: Provisioned, Act: askTooMuch},
		{ID: "delivered-twice", States: []string{"Validate"}, Ground: OnDemand, Act: deliverTwice, Together: true},
		{ID: "racing", States: []string{"Throughput"}, Ground: OnDemand, Act: race, Together: true},
		{ID: "racing-provisioned", States: []string{"Throughput"}, Ground: Provisioned, Act: race, Together: true, Bought: 1},
		{ID: "out-of-order", States: []string{"Validate"}, Ground: OnDemand, Act: outOfOrder, Together: true},
		{ID: "older-ends-last", States: []string{"Throughput"}, Ground: OnDemand, Act: olderEndsLast, Together: true},
		{ID: "approved", Ground: Asking, States: []string{"ApproveSpend", "AskApproval", "WaitForApproval"}, Act: answered(registry.Approve), Bought: 1},
		{ID: "refused", Ground: Asking, States: []string{"ApproveSpend", "ReleaseRun"}, Act: answered(registry.Reject)},
		{ID: "rollback", Ground: OnDemand, States: []string{"ValidateDataset", "SecureThroughput", "PublishEndpoint"}, Arrange: do(upload1("a"), upload1("b")), Act: do((*Stage).RollBack), GoesBack: true},
		{ID: "rollback-provisioned", Ground: Provisioned, States: []string{"SecureThroughput", "PublishEndpoint"}, Arrange: do(upload1("a"), upload1("b")), Act: do((*Stage).RollBack), GoesBack: true, Bought: 1},
		{ID: "sweep-racing", Ground: Sweeping, States: []string{"Throughput"}, Act: sweepAtEveryState, Together: true, Bought: 1},
		{ID: "sweep-orphan", Ground: Sweeping, States: []string{sweepPrefix}, Arrange: do(upload1("a"), orphan), Act: do(sweepLater, sweepLater), Bought: 2, Beside: true},
		{ID: "stopped-while-submitting", Ground: OnDemand, States: []string{"SubmitJob"}, Act: stopAt("SubmitJob", "bedrock:CreateModelCustomizationJob"), Races: true},
		{ID: "stopped-while-deploying", Ground: OnDemand, States: []string{"SecureThroughput"}, Act: stopAt("SecureThroughput", "bedrock:CreateCustomModelDeployment"), Races: true},
		{ID: "stopped-while-buying", Ground: Provisioned, States: []string{"SecureThroughput", "release:"}, Act: stopAt("SecureThroughput", "bedrock:CreateProvisionedModelThroughput"), Races: true, Bought: 1},
		{ID: "stopped-while-repointing", Ground: Provisioned, Arrange: do(upload1("a")), States: []string{"SecureThroughput"}, Act: stopAt("SecureThroughput", "bedrock:UpdateProvisionedModelThroughput"), Races: true, Bought: 1},
		{ID: "teardown-training", States: []string{"Lifecycle"}, Ground: OnDemand, Act: teardownIn("WaitForJob"), Races: true},
		{ID: "teardown-deployed", States: []string{"Lifecycle"}, Ground: OnDemand, Arrange: do(upload1("a")), Act: teardownIn("WaitForThroughput"), Races: true},
		{ID: "teardown-buying", States: []string{"Lifecycle"}, Ground: Provisioned, Act: teardownIn("WaitForThroughput"), Bought: 1, Races: true},
	}
}

// step is a part of a workload.
type step func(*Stage) error

// do does steps, each once the executions of those before have ended.
func do(steps ...step) func(*Stage) error {
	return func(s *Stage) error {
		for _, step := range steps {
			if err := errors.Join(step(s), s.Finish()); err != nil {
				return err
			}
		}
		return nil
	}
}

func upload1(set string) step {
	return func(s *Stage) error { return s.Upload(set) }
}

func uploadText(set, text string) step {
	return func(s *Stage) error { return s.UploadText(set, text) }
}

// failSmokeTest lets a second model answer nothing, so that the throughput is
// pointed back to the first.
func failSmokeTest(s *Stage) error {
	s.Refuse("SmokeTest", "bedrock:InvokeModel")
	return do(upload1("b"))(s)
}

// askTooMuch asks for more model units than are granted, which needs a person.
func askTooMuch(s *Stage) error {
	if err := s.Put(finetune.TuningKey(s.model), `{"serving":{"modelUnits":100}}`); err != nil {
		return err
	}
	return do(upload1("a"))(s)
}

// deliverTwice delivers the event of one upload twice at once, and again after
// the end.
func deliverTwice(s *Stage) error {
	events := s.KeepEvents()
	if err := s.Upload("a"); err != nil {
		return err
	}
	release := s.Hold()
	deliver := events()[0]
	err := errors.Join(deliver(), deliver())
	release()
	return errors.Join(err, s.Finish(), deliver(), s.Finish())
}

// race uploads two data sets at once.
func race(s *Stage) error {
	release := s.Hold()
	err := errors.Join(s.Upload("a"), s.Upload("b"))
	release()
	return errors.Join(err, s.Finish())
}

// outOfOrder delivers the event of the second upload before that of the first.
func outOfOrder(s *Stage) error {
	events := s.KeepEvents()
	err := errors.Join(s.Upload("a"), s.Upload("b"))
	if err != nil {
		return err
	}
	deliver := events()
	release := s.Hold()
	err = errors.Join(deliver[1](), deliver[0]())
	release()
	return errors.Join(err, s.Finish())
}

// olderEndsLast uploads a data set and then a smaller one, which is published
// first.
func olderEndsLast(s *Stage) error {
	release := s.Hold()
	err := errors.Join(s.UploadText("a", larger(s.ground.dataset("a"))), s.Upload("b"))
	release()
	return errors.Join(err, s.Finish())
}

// answered has a run's questions answered as soon as it asks.
func answered(decision string) func(*Stage) error {
	return func(s *Stage) error {
		s.Answer(decision)
		return do(upload1("a"))(s)
	}
}

// sweepAtEveryState sweeps at every state in which a run has to do with capacity.
func sweepAtEveryState(s *Stage) error {
	for _, state := range []string{"SecureThroughput", "WaitForThroughput", "PollThroughput", "SmokeTest", "PublishEndpoint", "Deployed"} {
		s.Whenever(state, func(stepfunctions.Execution) error { return s.Sweep() })
	}
	return do(upload1("a"))(s)
}

// sweepLater sweeps once what was found is old enough to be acted on.
func sweepLater(s *Stage) error {
	s.cloud.Clock.Advance(2 * time.Hour)
	return s.Sweep()
}

// orphan buys a throughput with the stack's tags that no record knows of, as a
// function that was killed at the worst moment might.
func orphan(s *Stage) error {
	for _, f := range s.cloud.Stack.Functions {
		if constructOf(f.LogicalID) != "Throughput" {
			continue
		}
		client := s.cloud.As(calls.Principal{Role: f.Role, ARN: f.RoleARN, InVPC: true}).Bedrock
		_, err := client.CreateProvisionedModelThroughput(s.ctx, &bedrock.CreateProvisionedModelThroughputInput{
			ProvisionedModelName: aws.String(s.model + "-orphan"), ModelId: aws.String(s.model + "-" + string(s.uploads[0].run)), ModelUnits: aws.Int32(1),
			Tags: []types.Tag{{Key: aws.String(finetune.TagStack), Value: &s.cloud.Stack.Name}, {Key: aws.String(finetune.TagModel), Value: &s.model}},
		})
		return err
	}
	return errors.New("the stack has no function Throughput")
}

// stopAt stops an execution while a call of a state is on its way: the function
// goes on when the run is released.
func stopAt(state, action string) func(*Stage) error {
	return func(s *Stage) error {
		s.Interrupt(state, action, s.meddler.overtake)
		return do(upload1("b"))(s)
	}
}

// teardownIn deletes the stack when an execution enters a state.
func teardownIn(state string) func(*Stage) error {
	return func(s *Stage) error {
		entered := make(chan func(), 1)
		s.When(state, func() error { entered <- s.Hold(); return nil })
		if err := s.Upload("b"); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Finish() }()
		select {
		case release := <-entered:
			err := s.DeleteStack()
			release()
			return errors.Join(err, <-ended)
		case err := <-ended: // a fault ended the run before
			return errors.Join(err, s.DeleteStack(), s.Finish())
		}
	}
}

// differs says whether the workload is its own in a state.
func (w Workload) differs(state string) bool {
	return w.States == nil || slices.ContainsFunc(w.States, func(prefix string) bool { return strings.HasPrefix(state, prefix) })
}

// races says whether things come in another order each time.
func (w Workload) races() bool { return w.Races || w.Together }

// short is an id's beginning, for a model's name.
func short(id string) string { return strings.Trim(id[:min(len(id), 30)], "-") }
