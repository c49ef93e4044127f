package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// sky is what a sweep sees beside the world: the ages of records, and metrics.
type sky struct {
	bucket *memory
	// changed is the Last-Modified of a key; noon for what is not in it.
	changed map[string]time.Time
	// invoked are the times a throughput was invoked; asked are the requests.
	invoked map[string][]time.Time
	asked   []*cloudwatch.GetMetricStatisticsInput
	err     error
	// before, if set, is called before a prefix is listed.
	before func(prefix string)
}

func (s *sky) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if s.before != nil {
		s.before(*in.Prefix)
	}
	out := &s3.ListObjectsV2Output{}
	for key := range s.bucket.objects {
		rest, under := strings.CutPrefix(key, *in.Prefix)
		if !under || strings.Contains(rest, *in.Delimiter) {
			continue
		}
		at, known := s.changed[key]
		if !known {
			at = noon
		}
		out.Contents = append(out.Contents, s3types.Object{Key: aws.String(key), LastModified: &at})
	}
	return out, nil
}

func (s *sky) GetMetricStatistics(_ context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricStatisticsOutput, error) {
	s.asked = append(s.asked, in)
	out := &cloudwatch.GetMetricStatisticsOutput{}
	length := time.Duration(*in.Period) * time.Second
	for _, at := range s.invoked[*in.Dimensions[0].Value] {
		start := in.StartTime.Add(at.Sub(*in.StartTime).Truncate(length))
		out.Datapoints = append(out.Datapoints, cwtypes.Datapoint{Timestamp: &start, Sum: aws.Float64(1)})
	}
	return out, s.err
}

// sweptWorld is a world with the rules of a sweep.
func sweptWorld(rules finetune.Sweeping) (*world, *sky) {
	w := newWorld()
	if rules.EverySeconds == 0 {
		rules.EverySeconds = 3600
	}
	above := &sky{bucket: w.bucket, changed: map[string]time.Time{}, invoked: map[string][]time.Time{}}
	w.sweeper = sweeper{rules: rules, metrics: above, lister: above}
	return w, above
}

// serving publishes the nth run from provisioned throughput, bought and tried at noon.
func (w *world) serving(t *testing.T, above *sky, n int) string {
	t.Helper()
	arn := w.deployed(t, n, provisioned).ARN
	w.fake.throughputs[arn].CreationTime = ptr(noon)
	above.invoked[arn] = []time.Time{noon}
	return arn
}

// swept runs one sweep, hours after noon, without the notice being published.
func (w *world) swept(t *testing.T, hours float64) finetune.Sweep {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionSweep, ScheduledTime: ptr(noon.Add(time.Duration(hours * float64(time.Hour))))})
	if err != nil {
		t.Fatalf("the sweep after %v hours: %v", hours, err)
	}
	return out.(finetune.Sweep)
}

// sweptAndTold runs one sweep as the machine does: what it says is then recorded.
func (w *world) sweptAndTold(t *testing.T, hours float64, kinds ...string) finetune.Sweep {
	t.Helper()
	sweep := w.swept(t, hours)
	var got []string
	for _, told := range sweep.Told {
		got = append(got, told.Kind)
	}
	slices.Sort(got)
	slices.Sort(kinds)
	if !slices.Equal(got, kinds) {
		t.Errorf("after %v hours told of %v, want %v: %s", hours, got, kinds, sweep.Notice)
	}
	if notable := sweep.Outcome == finetune.SweepNotable; notable != (sweep.Notice != "") || notable != (len(got) > 0) {
		t.Errorf("after %v hours: outcome %s, told %v, notice %q", hours, sweep.Outcome, got, sweep.Notice)
	}
	if _, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionSweepTold, Told: sweep.Told}); err != nil {
		t.Fatal(err)
	}
	return sweep
}

// TestSweepReleasesExpired: a lead before its end people are told, after it the
// record no longer sends anybody there, and then it is deleted. Later sweeps are quiet.
func TestSweepReleasesExpired(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansRelease})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 17.9)
	warning := w.sweptAndTold(t, 18, finetune.TellExpires)
	says(t, warning.Notice, "support", arn, "2026-11-24 08:00 UTC", "releaseAfter")
	w.sweptAndTold(t, 19.9)
	w.did(t)
	done := w.sweptAndTold(t, 20, finetune.TellReleased)
	says(t, done.Notice, "support", modelARN(1), "tuneline rollback support --to "+string(run(1).ID)+" --bucket bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline")
	w.did(t, "DeleteProvisionedModelThroughput "+name(arn))
	m := w.model(t)
	if m.Serving != nil || len(m.Retired) != 0 || len(m.History) != 1 || m.Released == nil || m.Released.Run != run(1).ID || m.Released.ThroughputARN != arn || done.Released != 1 {
		t.Errorf("the record is %+v, released %d", m, done.Released)
	}
	w.sweptAndTold(t, 21)
	w.did(t)
}

// TestSweepWarnsBeforeItReleases: however late a sweep comes, what was not told is
// not released, nor before people had a lead; and a notice that was not published
// counts for nothing.
func TestSweepWarnsBeforeItReleases(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansReport})
	w.serving(t, above, 1)
	for range 3 {
		if sweep := w.swept(t, 100); len(sweep.Told) != 1 || sweep.Told[0].Kind != finetune.TellExpires {
			t.Fatalf("told of %v, want the release to come", sweep.Told)
		}
	}
	says(t, w.sweptAndTold(t, 100, finetune.TellExpires).Notice, "2026-11-27 18:00 UTC")
	w.sweptAndTold(t, 101.9)
	w.did(t)
	w.sweptAndTold(t, 102, finetune.TellReleased)
}

// TestSweepIdle: idleness is told once a spell, and released where that is
// configured; an invocation begins another spell.
func TestSweepIdle(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 24 * 3600, ReleaseIdleSeconds: 50 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 24.9)
	w.sweptAndTold(t, 25, finetune.TellIdle)
	w.sweptAndTold(t, 45.9)
	w.sweptAndTold(t, 46, finetune.TellIdles)
	above.invoked[arn] = append(above.invoked[arn], noon.Add(50*time.Hour))
	w.sweptAndTold(t, 52) // the hour of the invocation ended an hour ago
	w.did(t)
	w.sweptAndTold(t, 75, finetune.TellIdle)
	w.sweptAndTold(t, 96, finetune.TellIdles)
	w.sweptAndTold(t, 100.9)
	w.did(t)
	done := w.sweptAndTold(t, 101, finetune.TellReleased)
	says(t, done.Notice, "last asked on 2026-11-25 15:00 UTC", "releaseIdleAfter")
	w.did(t, "DeleteProvisionedModelThroughput "+name(arn))
	in := above.asked[0]
	if *in.Namespace != "AWS/Bedrock" || *in.MetricName != "Invocations" || *in.Dimensions[0].Name != "ModelId" || *in.Dimensions[0].Value != arn || !in.StartTime.Equal(noon) || *in.Period != 3600 {
		t.Errorf("CloudWatch was asked %+v", in)
	}
}

// TestSweepLongIdle: a spell of idleness is one, however coarse the metric's points
// become meanwhile, which puts neither a notice nor a release off.
func TestSweepLongIdle(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 24 * 3600, ReleaseIdleSeconds: 3000 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 25, finetune.TellIdle)
	w.sweptAndTold(t, 1442) // points of two hours from here
	w.sweptAndTold(t, 2700)
	w.sweptAndTold(t, 2701, finetune.TellIdles)
	w.sweptAndTold(t, 2882) // and of three
	w.sweptAndTold(t, 3000)
	w.did(t)
	w.sweptAndTold(t, 3001, finetune.TellReleased)
	w.did(t, "DeleteProvisionedModelThroughput "+name(arn))
	if last := above.asked[len(above.asked)-1]; *last.Period != 3*3600 {
		t.Errorf("the last points had %d seconds, want three hours", *last.Period)
	}
}

// TestSweepUnmeasured: without a single invocation in CloudWatch nothing is said
// to be idle, and nothing is released for it.
func TestSweepUnmeasured(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 48 * 3600, ReleaseIdleSeconds: 24 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	delete(above.invoked, arn)
	w.sweptAndTold(t, 23.9)
	says(t, w.sweptAndTold(t, 24, finetune.TellUnmeasured).Notice, arn, "smoke test", deleteCommand(finetune.KindProvisioned, arn))
	w.sweptAndTold(t, 1000)
	w.did(t)
	if longest := above.asked[len(above.asked)-1]; *longest.Period != 3600 {
		t.Errorf("asked for %d s a point; 1,000 points of an hour fit", *longest.Period)
	}
	w.swept(t, 20000)
	last := above.asked[len(above.asked)-1]
	if points := int(last.EndTime.Sub(*last.StartTime).Seconds()) / int(*last.Period); points > metricLimit || *last.Period%3600 != 0 || last.EndTime.Sub(*last.StartTime) > metricDays+time.Hour {
		t.Errorf("asked for %d points of %d s, from %v; more than CloudWatch answers or keeps", points, *last.Period, last.StartTime)
	}
}

// TestSweepAsksNothingOfDeployments: they cost nothing by the hour.
func TestSweepAsksNothingOfDeployments(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 3600, ReleaseIdleSeconds: 3600, ReleaseAfterSeconds: 3600, Orphans: finetune.OrphansRelease})
	w.deployed(t, 1, onDemand)
	if w.sweptAndTold(t, 1000); len(above.asked) != 0 || w.model(t).Serving == nil {
		t.Errorf("asked CloudWatch %d times, serving %v", len(above.asked), w.model(t).Serving)
	}
}

// TestSweepOrphan: what nobody owns is told after an hour, once, and deleted only
// where that is configured, after it was told and after another look.
func TestSweepOrphan(t *testing.T) {
	for _, kind := range []finetune.Settings{onDemand, provisioned} {
		for _, rule := range []string{finetune.OrphansReport, finetune.OrphansRelease} {
			w, _ := sweptWorld(finetune.Sweeping{Orphans: rule})
			w.trained(t, 1)
			throughput, err := w.secured(t, 1, kind)
			if err != nil {
				t.Fatal(err)
			}
			w.made(throughput.ARN, noon)
			w.sweptAndTold(t, 2) // the run goes on
			w.ended(t, 1, finetune.EndFailed)
			w.fake.calls = nil
			w.sweptAndTold(t, 0.9)
			says(t, w.sweptAndTold(t, 2, finetune.TellOrphan).Notice, throughput.ARN, "support", string(run(1).ID), deleteCommand(throughput.Kind, throughput.ARN))
			w.sweptAndTold(t, 2.9)
			w.did(t)
			if rule == finetune.OrphansReport {
				w.sweptAndTold(t, 500)
				w.did(t)
				continue
			}
			if sweep := w.sweptAndTold(t, 3, finetune.TellOrphanReleased); sweep.Orphans != 1 || sweep.Released != 1 {
				t.Errorf("orphans %d, released %d, want 1 each", sweep.Orphans, sweep.Released)
			}
			if len(w.fake.calls) != 1 || !strings.HasPrefix(w.fake.calls[0], "Delete") {
				t.Errorf("did %v", w.fake.calls)
			}
		}
	}
}

// made sets when capacity was made.
func (w *world) made(arn string, at time.Time) {
	if d := w.fake.deployments[arn]; d != nil {
		d.CreatedAt = &at
	}
	if p := w.fake.throughputs[arn]; p != nil {
		p.CreationTime = &at
	}
}

// ended gives the nth run an end, whatever it has.
func (w *world) ended(t *testing.T, n int, end string) {
	t.Helper()
	if _, err := w.store.UpdateRun(t.Context(), run(n).ID, func(r *registry.Run) error { r.End = end; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error { m.Lease = nil; return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestSweepSecondLook: an orphan that a run or a model has by the time of its
// deletion is left alone, however that came about.
func TestSweepSecondLook(t *testing.T) {
	for name, claim := range map[string]func(*testing.T, *world, string){
		"a run": func(t *testing.T, w *world, _ string) { w.ended(t, 1, "") },
		"a model": func(t *testing.T, w *world, arn string) {
			if _, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
				m.Previous = &registry.Capacity{ThroughputARN: arn}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansRelease})
			w.trained(t, 1)
			throughput, err := w.secured(t, 1, provisioned)
			if err != nil {
				t.Fatal(err)
			}
			w.made(throughput.ARN, noon)
			w.ended(t, 1, finetune.EndFailed)
			w.fake.calls = nil
			w.sweptAndTold(t, 2, finetune.TellOrphan)
			s := &sweeping{handler: w.handler, at: noon.Add(10 * time.Hour), open: map[finetune.RunID]registry.Run{}}
			if s.memory, err = w.store.ReadSweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			found, err := s.find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			claim(t, w, throughput.ARN)
			s.sweepCapacity(t.Context(), found[throughput.ARN], nil)
			w.did(t)
		})
	}
}

// TestSweepLeavesOthersAlone: what carries another stack's tag, or none, is not seen.
func TestSweepLeavesOthersAlone(t *testing.T) {
	w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansRelease})
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	w.made(throughput.ARN, noon)
	w.ended(t, 1, finetune.EndFailed)
	for _, tags := range [][]types.Tag{nil, {{Key: aws.String(finetune.TagStack), Value: aws.String("another")}}} {
		w.fake.tags[throughput.ARN] = tags
		if sweep := w.sweptAndTold(t, 100); sweep.Seen != 0 || sweep.Orphans != 0 {
			t.Errorf("tags %v: saw %d, %d of them orphans", tags, sweep.Seen, sweep.Orphans)
		}
	}
}

// TestSweepCommitment: a commitment is told of a week and a day before it renews,
// and holds off every release until its term ends.
func TestSweepCommitment(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 48 * 3600, ReleaseIdleSeconds: 48 * 3600, Orphans: finetune.OrphansRelease})
	arn := w.serving(t, above, 1)
	const term = 30 * 24
	w.fake.throughputs[arn].CommitmentExpirationTime = ptr(noon.Add(term * time.Hour))
	w.sweptAndTold(t, 100)
	w.sweptAndTold(t, term-7*24-0.1)
	says(t, w.sweptAndTold(t, term-7*24, finetune.TellRenewsWeek).Notice, arn, "2026-12-23 12:00 UTC", deleteCommand(finetune.KindProvisioned, arn))
	w.sweptAndTold(t, term-24, finetune.TellRenewsDay)
	w.sweptAndTold(t, term-4.8, finetune.TellExpires, finetune.TellIdles)
	w.sweptAndTold(t, term-0.1)
	w.did(t)
	w.sweptAndTold(t, term, finetune.TellReleased)
	w.did(t, "DeleteProvisionedModelThroughput "+name(arn))
}

// TestSweepKeepsWhatIsCommitted: what is retired and held by a commitment is told
// once a term, and deleted once Bedrock lets it go.
func TestSweepKeepsWhatIsCommitted(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.fake.throughputs[arn].CommitmentExpirationTime = ptr(noon.Add(1000 * time.Hour))
	if _, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
		m.Release(*m.Serving, registry.Released{At: noon, Why: "was given up", Run: run(1).ID, ThroughputARN: arn})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(conflict), refused(conflict)}
	says(t, w.sweptAndTold(t, 1, finetune.TellReleased, finetune.TellKept).Notice, arn, "commitment holds it")
	w.sweptAndTold(t, 2)
	w.sweptAndTold(t, 3)
	if m := w.model(t); len(m.Retired) != 0 || w.fake.throughputs[arn] != nil {
		t.Errorf("retired %v, want it deleted", m.Retired)
	}
}

// TestSweepGone: a record that sends callers to what does not exist is told.
func TestSweepGone(t *testing.T) {
	for _, kind := range []finetune.Settings{onDemand, provisioned} {
		w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
		arn := w.deployed(t, 1, kind).ARN
		delete(w.fake.tags, arn)
		w.sweptAndTold(t, 1) // it is there, only not tagged
		delete(w.fake.deployments, arn)
		delete(w.fake.throughputs, arn)
		_, err := w.store.Rollback(t.Context(), run(1).ID, execution(back(1)))
		wantKind(t, err, finetune.SettingsRejected, "serves the model already")
		says(t, w.sweptAndTold(t, 2, finetune.TellGone).Notice, arn, "support", "tuneline rollback support --to "+string(run(1).ID))
		if got := w.model(t).Missing; got != arn {
			t.Errorf("the record misses %q, want %s, so that the command works", got, arn)
		}
		w.sweptAndTold(t, 3)
		// The fakes make ARNs of names, which Bedrock does not.
		if _, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
			m.Serving.ThroughputARN, m.Missing = arn+"-gone", arn+"-gone"
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		again := w.wentBack(t, 1, kind)
		if m := w.model(t); m.Serving.ThroughputARN != again.ARN || m.Missing != "" || m.Previous != nil || len(m.Retired) != 0 {
			t.Errorf("the record is %+v; want it to serve again from %s", m, again.ARN)
		}
	}
}

// TestSweepLeavesLiveRunsAlone: while a run of the model goes on, nothing the model
// has is released, whoever holds the lease.
func TestSweepLeavesLiveRunsAlone(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansRelease})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 18, finetune.TellExpires)
	w.trained(t, 2)
	w.sweptAndTold(t, 30)
	if _, err := w.secured(t, 2, provisioned); err != nil {
		t.Fatal(err)
	}
	w.fake.calls = nil
	w.sweptAndTold(t, 31)
	w.did(t)
	if m := w.model(t); m.Serving == nil || m.Serving.ThroughputARN != arn || m.Lease == nil {
		t.Errorf("the record is %+v", m)
	}
}

// TestSweepLosesToALease: a run that takes the lease after the sweep's look keeps
// what serves.
func TestSweepLosesToALease(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 18, finetune.TellExpires)
	w.bucket.before = func(key string) error {
		if key != finetune.RegistryKey("support") {
			return nil
		}
		w.bucket.before = nil
		w.trained(t, 2)
		_, err := w.secured(t, 2, provisioned)
		return err
	}
	w.sweptAndTold(t, 20)
	if m := w.model(t); m.Serving == nil || m.Lease == nil || m.Lease.ThroughputARN != arn {
		t.Errorf("the record is %+v; want it served and leased", m)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(2))
}

// TestSweepSeesALeaseOfANewRun: a run that began after the sweep had read the
// runs, and took the lease before it read the models, keeps what it is re-pointing;
// a lease whose run ended keeps nothing, and goes with what was released.
func TestSweepSeesALeaseOfANewRun(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.sweptAndTold(t, 18, finetune.TellExpires)
	above.before = func(prefix string) {
		if prefix != finetune.PrefixRegistry {
			return
		}
		above.before = nil
		w.trained(t, 2)
		if _, err := w.secured(t, 2, provisioned); err != nil {
			t.Error(err)
		}
	}
	w.sweptAndTold(t, 20)
	if m := w.model(t); m.Serving == nil || m.Lease == nil || m.Lease.ThroughputARN != arn {
		t.Errorf("the record is %+v; want it served and leased", m)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(2))

	if _, err := w.store.UpdateRun(t.Context(), run(2).ID, func(r *registry.Run) error { r.End = finetune.EndNeedsOperator; return nil }); err != nil {
		t.Fatal(err)
	}
	w.sweptAndTold(t, 21, finetune.TellReleased)
	if m := w.model(t); m.Serving != nil || m.Lease != nil {
		t.Errorf("the record is %+v; want it released, and leased by nobody", m)
	}
}

// TestSweepClosesRuns: a release that gave up is done again once nobody is at it;
// a run whose execution must be over is told.
func TestSweepClosesRuns(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(1), Dataset: upload(1)}); err != nil {
		t.Fatal(err)
	}
	w.sweptAndTold(t, 24*45)
	says(t, w.sweptAndTold(t, 24*46, finetune.TellAbandoned, finetune.TellOrphan).Notice, string(run(1).ID), throughput.ARN,
		`aws stepfunctions start-execution --state-machine-arn arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-release --input '{"executionArn":"`+execution(1)+`","status":"FAILED"}'`)

	if _, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.Closed = true; return nil }); err != nil {
		t.Fatal(err)
	}
	above.changed[finetune.RunKey(run(1).ID)] = noon.Add(2000 * time.Hour)
	w.sweptAndTold(t, 2001.9)
	w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused("ThrottlingException")}
	w.fake.calls = nil
	w.sweptAndTold(t, 2002) // it was told that it has no end
	sweep := w.sweptAndTold(t, 2003, finetune.TellClosed)
	says(t, sweep.Notice, string(run(1).ID), finetune.EndFailed)
	if record := w.record(t, 1); record.End != finetune.EndFailed || w.fake.throughputs[throughput.ARN] != nil {
		t.Errorf("the run's end is %q, and its throughput %v", record.End, w.fake.throughputs[throughput.ARN])
	}
	w.sweptAndTold(t, 2004)
}

// TestSweepReadsOnlyWhatChanged: runs that ended are not read again.
func TestSweepReadsOnlyWhatChanged(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	for n := range 3 {
		w.trained(t, n)
		above.changed[finetune.RunKey(run(n).ID)] = noon.Add(time.Duration(n) * time.Hour)
	}
	w.ended(t, 1, finetune.EndFailed)
	w.ended(t, 2, finetune.EndFailed)
	w.swept(t, 3)
	memory, err := w.store.ReadSweep(t.Context())
	if err != nil || !memory.SeenUntil.Equal(noon.Add(2*time.Hour)) || !slices.Equal(memory.Open, []finetune.RunID{run(0).ID}) {
		t.Fatalf("remembered %+v, %v", memory, err)
	}
	w.bucket.objects[finetune.RunKey(run(1).ID)] = []byte("not JSON")
	w.swept(t, 4)
}

// TestSweepGoesOnWithManyRuns: what cannot be read in the function's time is read
// by the next try.
func TestSweepGoesOnWithManyRuns(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	for n := range 2 {
		w.trained(t, n)
		above.changed[finetune.RunKey(run(n).ID)] = noon.Add(time.Duration(n) * time.Hour)
	}
	ctx, cancel := context.WithTimeout(t.Context(), readReserve-time.Second)
	defer cancel()
	_, err := w.Handle(ctx, finetune.ThroughputInput{Action: finetune.ActionSweep, ScheduledTime: ptr(noon.Add(time.Hour))})
	wantKind(t, err, finetune.Unavailable, "goes on")
}

// TestSweepFailures: what fails is an error where nothing was found, and told with
// what was found; it keeps nothing else from being looked at.
func TestSweepFailures(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	above.err = errors.New("CloudWatch is down")
	in := finetune.ThroughputInput{Action: finetune.ActionSweep, ScheduledTime: ptr(noon.Add(time.Hour))}
	if _, err := w.Handle(t.Context(), in); err == nil || !strings.Contains(err.Error(), arn) {
		t.Errorf("error %v, want one that names %s", err, arn)
	}
	w.fake.throughputs[arn].CommitmentExpirationTime = ptr(noon.Add(2 * time.Hour))
	says(t, w.sweptAndTold(t, 1, finetune.TellRenewsDay).Notice, arn, "CloudWatch is down")
	for _, operation := range []string{"ListProvisionedModelThroughputs", "ListCustomModelDeployments", "ListTagsForResource"} {
		w.fake.refusals[operation] = []error{refused("ThrottlingException")}
		if _, err := w.Handle(t.Context(), in); code(err) != "ThrottlingException" {
			t.Errorf("%s refused: error %v", operation, err)
		}
	}
	_, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionSweep})
	wantKind(t, err, finetune.Internal, "without the fields")
}

// TestSweepCountsFromTheLastChange: what was changed after its publication has
// somebody who wants it.
func TestSweepCountsFromTheLastChange(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{ReleaseAfterSeconds: 20 * 3600, Orphans: finetune.OrphansReport})
	arn := w.serving(t, above, 1)
	w.fake.throughputs[arn].LastModifiedTime = ptr(noon.Add(10 * time.Hour))
	w.sweptAndTold(t, 27.9)
	says(t, w.sweptAndTold(t, 28, finetune.TellExpires).Notice, "2026-11-24 18:00 UTC", "releaseAfter is 20h.")
}

// TestSweepWarnsWhileARunGoesOn: a job of days is no reason to say nothing of what
// idles beside it.
func TestSweepWarnsWhileARunGoesOn(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{WarnIdleSeconds: 24 * 3600, ReleaseAfterSeconds: 100 * 3600, Orphans: finetune.OrphansReport})
	w.serving(t, above, 1)
	w.trained(t, 2)
	w.sweptAndTold(t, 25, finetune.TellIdle)
	w.sweptAndTold(t, 91, finetune.TellExpires)
	w.sweptAndTold(t, 300)
	w.did(t)
	w.ended(t, 2, finetune.EndFailed)
	w.sweptAndTold(t, 301, finetune.TellReleased)
}

// TestSweepReadsGoneAgain: what served until a moment ago and was swapped out is
// not taken for gone.
func TestSweepReadsGoneAgain(t *testing.T) {
	w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	arn := w.deployed(t, 1, onDemand).ARN
	stale := w.model(t)
	if _, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
		m.Serving = &registry.Capacity{ThroughputARN: "arn:next"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	delete(w.fake.deployments, arn)
	s := &sweeping{handler: w.handler, at: noon}
	if err := s.checkThere(t.Context(), stale); err != nil || len(s.told) != 0 {
		t.Errorf("told %v, %v; want nothing", s.told, err)
	}
}
