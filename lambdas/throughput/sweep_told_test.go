package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// orphaned makes throughputs with the stack's tag that nobody has.
func (w *world) orphaned(n int) {
	for i := range n {
		arn := fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/orphan%d", i)
		w.fake.throughputs[arn] = &bedrock.GetProvisionedModelThroughputOutput{
			ProvisionedModelArn: &arn, ProvisionedModelName: aws.String(name(arn)), Status: types.ProvisionedModelStatusInService, CreationTime: ptr(noon),
		}
		w.fake.tags[arn] = []types.Tag{{Key: aws.String(finetune.TagStack), Value: aws.String("stack")}}
	}
}

// TestSweepTellsAllItDid: what one notice has no room for is in the next ones,
// though nothing is left of it that they could find; and so is what was in a notice
// that was never published.
func TestSweepTellsAllItDid(t *testing.T) {
	w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansRelease})
	const all = 2*maxTold + 5
	w.orphaned(all)
	kinds := func(kind string, n int) (list []string) {
		for range n {
			list = append(list, kind)
		}
		return list
	}
	w.sweptAndTold(t, 1, kinds(finetune.TellOrphan, maxTold)...)
	w.sweptAndTold(t, 1.2, kinds(finetune.TellOrphan, maxTold)...)
	w.sweptAndTold(t, 1.4, kinds(finetune.TellOrphan, 5)...)
	if sweep := w.swept(t, 3); sweep.Released != all || len(sweep.Told) != maxTold || len(w.fake.throughputs) != 0 {
		t.Fatalf("deleted %d, told of %d; want %d and %d", sweep.Released, len(sweep.Told), all, maxTold)
	}
	told := map[string]bool{}
	for i, n := range []int{maxTold, maxTold, 5, 0} {
		sweep := w.sweptAndTold(t, float64(4+i), kinds(finetune.TellOrphanReleased, n)...)
		for _, thing := range sweep.Told {
			told[thing.Thing] = true
			says(t, sweep.Notice, thing.Thing)
		}
	}
	if len(told) != all {
		t.Errorf("told of %d, want all %d", len(told), all)
	}
	if memory, err := w.store.ReadSweep(t.Context()); err != nil || len(memory.Untold) != 0 {
		t.Errorf("still owed are %v, %v", memory.Untold, err)
	}
}

// TestSweepTellsARunItClosed: a run that a sweep closed is told of by the next one,
// if the notice was never published.
func TestSweepTellsARunItClosed(t *testing.T) {
	w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	w.gaveUp(t, nil)
	for range 2 {
		if sweep := w.swept(t, 3); len(sweep.Told) != 1 || sweep.Told[0].Kind != finetune.TellClosed {
			t.Fatalf("told of %+v; want that it was closed", sweep.Told)
		}
	}
	w.sweptAndTold(t, 4, finetune.TellClosed)
	w.sweptAndTold(t, 5)
}

// gaveUp leaves the first run closed and without an end, with what its record says
// of its throughput.
func (w *world) gaveUp(t *testing.T, throughput *finetune.Throughput) {
	t.Helper()
	w.trained(t, 1)
	if err := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(1), Dataset: upload(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.Closed, r.Throughput = true, throughput; return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestSweepAwaitsQuietly: a sweep that has to look for what a step was making once
// more says nothing of a release that gave up.
func TestSweepAwaitsQuietly(t *testing.T) {
	w, above := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	w.gaveUp(t, &finetune.Throughput{Kind: finetune.KindProvisioned, Name: run(1).Name(), Change: finetune.ChangeCreated})
	w.sweptAndTold(t, 3)
	if !w.record(t, 1).Awaited {
		t.Error("the record does not say that it was waited for")
	}
	above.changed[finetune.RunKey(run(1).ID)] = noon.Add(3 * time.Hour)
	w.sweptAndTold(t, 4)
	w.sweptAndTold(t, 5, finetune.TellClosed)
}

// TestSweepLooksLastForWhatHasGone: what is deleted while a sweep looks for its
// owner is not told as an orphan.
func TestSweepLooksLastForWhatHasGone(t *testing.T) {
	w, _ := sweptWorld(finetune.Sweeping{Orphans: finetune.OrphansReport})
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	w.ended(t, 1, finetune.EndNeedsOperator)
	w.fake.throughputs[throughput.ARN].CreationTime = ptr(noon)
	reads := 0
	w.bucket.read = func(key string) {
		if key == finetune.RunKey(run(1).ID) {
			if reads++; reads == 2 { // the first is for the list of open runs
				delete(w.fake.throughputs, throughput.ARN)
			}
		}
	}
	w.sweptAndTold(t, 2)
	if reads < 2 {
		t.Errorf("the run was read %d times, want it looked for as an owner", reads)
	}
}
