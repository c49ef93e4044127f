package bedrock

import (
	"context"
	"time"
)

// Inference says how the runtime answers. Its durations are real time, for
// streams have to be seen coming and benchmarks take their time from them;
// everything else of the double goes by the virtual clock.
type Inference struct {
	// ServiceTime passes before an answer, or before the first event of a
	// stream; refusals come at once.
	ServiceTime Duration `json:"serviceTime"`
	// Pace passes between the events of a stream.
	Pace Duration `json:"pace"`
	// AnswerTokens is the least length of an answer in tokens: a shorter one
	// is said again and again. maxTokens and stop sequences still end it.
	AnswerTokens int `json:"answerTokens"`
}

// Inferences counts what the runtime did since the double was made or reset.
type Inferences struct {
	// Open are being answered now.
	Open int
	// Answered got their whole answer; Abandoned lost their client before
	// that, and Broken were ended by a fault.
	Answered, Abandoned, Broken int
	// Took is the real time from the requests' arrival to the end of their
	// answers, added up, service time and pace included; First that to the
	// answers' first bytes. Of requests that come one after the other, a
	// benchmark takes the double's own share from them.
	Took, First time.Duration
}

// SetInference changes how the runtime answers from the next request on.
func (d *Double) SetInference(i Inference) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inference = i
}

func (d *Double) inferenceNow() Inference {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inference
}

// Inferences returns the counts of the runtime's answers so far.
func (d *Double) Inferences() Inferences {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inferences
}

// ending is how an answer of the runtime ended.
type ending int

const (
	answered ending = iota
	abandoned
	broken
)

// opened counts an answer that is under way; the returned function says how
// it ended.
func (d *Double) opened(rq *request) func(ending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inferences.Open++
	return func(how ending) {
		ended := time.Now()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.inferences.Open--
		d.inferences.Took += ended.Sub(rq.arrived)
		if !rq.began.IsZero() {
			d.inferences.First += rq.began.Sub(rq.arrived)
		}
		*[]*int{&d.inferences.Answered, &d.inferences.Abandoned, &d.inferences.Broken}[how]++
	}
}

// pass lets real time pass; false when ctx ended meanwhile.
func pass(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
