package teardown

import (
	"context"
	"fmt"
	"time"
)

// Proof is what the looks of a proof found.
type Proof struct {
	// Looks are when it was looked; the last two found nothing if Left is empty.
	Looks []time.Time `json:"looks"`
	// Left is what the last look found.
	Left []Left `json:"left"`
}

// Clean says whether nothing is left.
func (p Proof) Clean() bool { return len(p.Left) == 0 }

// Left is something that is still there, with the command that ends it.
type Left struct {
	// ID is an ARN, or the id of an interface endpoint, or the stack's name.
	ID string `json:"id"`
	// What says what it is, how it is billed, and until when it cannot go.
	What string `json:"what"`
	// Until is the end of the commitment that keeps it, nil without one.
	Until   *time.Time `json:"until,omitempty"`
	Command string     `json:"command"`

	// going says that it ends by itself, so that another look is worth it.
	going bool
}

const (
	// emptyLooks is how many looks in a row must find nothing.
	emptyLooks = 2
	// maxLooks bounds the looks while what is left is on its way out.
	maxLooks = 8
)

// Prove looks until two looks in a row found nothing of the stack that is billed
// by the hour or would become it, or until one finds something that stays.
// Nothing is remembered between the looks: each reads every list, and the tags of
// every resource in it.
func (t Teardown) Prove(ctx context.Context) (Proof, error) {
	var p Proof
	empty := 0
	for {
		left, err := t.left(ctx)
		if err != nil {
			return Proof{}, err
		}
		p.Left, p.Looks = left, append(p.Looks, t.Now().UTC())
		stays := false
		for _, l := range left {
			stays = stays || !l.going
		}
		if empty++; len(left) > 0 {
			empty = 0
		}
		if empty == emptyLooks || stays || empty == 0 && len(p.Looks) >= maxLooks {
			return p, nil
		}
		if err := wait(ctx, t.Pause); err != nil {
			return Proof{}, err
		}
	}
}

// left looks once.
func (t Teardown) left(ctx context.Context) ([]Left, error) {
	stack, err := t.describe(ctx, t.Stack)
	if err != nil {
		return nil, err
	}
	found, err := t.look(ctx)
	if err != nil {
		return nil, err
	}
	left := []Left{}
	ours := "tuneline teardown --stack " + t.Stack + t.inRegion()
	for _, x := range found.Throughputs {
		left = append(left, t.leftThroughput(x))
	}
	for _, x := range found.Deployments {
		left = append(left, Left{ID: x.ARN, What: "a deployment, " + x.Status + ", billed by the token", Command: x.Command, going: x.Status == "Deleting"})
	}
	for _, x := range found.Jobs {
		left = append(left, Left{ID: x.ARN, What: "a job, " + x.Status + ", billed by the tokens it trains on", Command: x.Command, going: x.Status == "Stopping"})
	}
	for _, x := range found.Endpoints {
		what := fmt.Sprintf("an interface endpoint for %s, %s, billed by the hour in %d zones", x.Service, x.State, x.Zones)
		if !stack.Gone() { // it is the stack's to delete
			x.Command = ours
		}
		left = append(left, Left{ID: x.ID, What: what, Command: x.Command, going: x.State == "deleting"})
	}
	if !stack.Gone() {
		left = append(left, Left{
			ID: t.Stack, What: "the stack itself, " + stack.Status, Command: ours,
			going: stack.Status == "DELETE_IN_PROGRESS",
		})
	}
	return left, nil
}

// leftThroughput is a provisioned throughput that is still there.
func (t Teardown) leftThroughput(x Throughput) Left {
	l := Left{ID: x.ARN, What: fmt.Sprintf("a provisioned throughput of %d model units, %s, billed by the hour", x.Units, x.Status), Command: x.Command}
	if x.Hourly.USD != nil {
		l.What += fmt.Sprintf(" (USD %.2f)", *x.Hourly.USD)
	}
	if x.Held(t.Now()) {
		l.Until = x.CommittedUntil
		l.What += ", held by a commitment until " + x.CommittedUntil.UTC().Format(time.RFC3339) + "; it renews by itself, so delete it then"
	}
	return l
}
