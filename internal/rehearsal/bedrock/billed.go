package bedrock

import "time"

// Kinds of billed resources.
const (
	// KindThroughput is billed by the hour and model unit until it is deleted.
	KindThroughput = "provisioned-model"
	// KindDeployment is billed by the token; nothing while nobody calls.
	KindDeployment = "custom-model-deployment"
)

// Billed is a resource that costs money, and since when.
type Billed struct {
	ARN  string
	Kind string
	Name string
	// Hourly tells whether it is billed by the hour, whether used or not.
	Hourly bool
	// Units are the model units billed; 0 for a deployment.
	Units int
	// Since is when billing began, Until when it ended; zero while it runs.
	Since, Until time.Time
	// CommittedUntil is before when it cannot be ended; zero without
	// commitment.
	CommittedUntil time.Time
	Tags           map[string]string
}

func (t *throughput) billed(d *Double) Billed {
	return Billed{
		ARN: t.ARN, Kind: KindThroughput, Name: t.Name, Hourly: true, Units: t.Units,
		Since: t.Created, CommittedUntil: t.CommitmentEnds, Tags: d.tagsOf(t.ARN),
	}
}

func (p *deployment) billed(d *Double) Billed {
	return Billed{ARN: p.ARN, Kind: KindDeployment, Name: p.Name, Since: p.Created, Tags: d.tagsOf(p.ARN)}
}

// close ends a resource's billing.
func (d *Double) close(b Billed, at time.Time) {
	b.Until = at
	d.ended = append(d.ended, b)
}

// Billed lists what is billed now: provisioned throughputs, by the hour from
// their creation to their deletion whatever their status, and deployments.
func (d *Double) Billed() []Billed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.billedLocked()
}

func (d *Double) billedLocked() []Billed {
	var all []Billed
	for _, t := range d.throughputs {
		all = append(all, t.billed(d))
	}
	for _, p := range d.deployments {
		all = append(all, p.billed(d))
	}
	return all
}

// Ledger lists everything that was ever billed: what has ended, with Until
// set, and then what Billed lists.
func (d *Double) Ledger() []Billed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(append([]Billed(nil), d.ended...), d.billedLocked()...)
}
