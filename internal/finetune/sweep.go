package finetune

import "time"

// Actions of the throughput function for the sweep machine.
const (
	// ActionSweep looks at everything the stack has bought.
	ActionSweep = "sweep"
	// ActionSweepTold records what people were told.
	ActionSweepTold = "sweep-told"
)

// What is done with what nobody owns, as serving.orphans.
const (
	OrphansReport  = "report"
	OrphansRelease = "release"
)

// Sweeping is what the stack's configuration says about releasing capacity.
type Sweeping struct {
	// ReleaseAfterSeconds is how long after its publication what serves is released,
	// ReleaseIdleSeconds how long after its last invocation; 0 means never.
	ReleaseAfterSeconds int `json:"releaseAfterSeconds"`
	ReleaseIdleSeconds  int `json:"releaseIdleSeconds"`
	// WarnIdleSeconds is how long after the last invocation people are told, 0 for never.
	WarnIdleSeconds int `json:"warnIdleSeconds"`
	// Orphans is OrphansReport or OrphansRelease.
	Orphans string `json:"orphans"`
	// EverySeconds lies between two sweeps.
	EverySeconds int `json:"everySeconds"`
}

// Lead is how long before a release after a period people are told at the
// latest: a tenth of the period, at least an hour and one sweep.
func (s Sweeping) Lead(period time.Duration) time.Duration {
	return max(period/10, time.Hour, time.Duration(s.EverySeconds)*time.Second)
}

// RunAbandonedSeconds is the age at which a run without an end is taken for one
// whose execution is over: a day more than the state machine's time-out.
const RunAbandonedSeconds = 46 * 24 * 3600

// SweepStart is what the schedule starts the sweep machine with. The time is the
// sweep's only clock: a start that is delivered late releases nothing too early.
type SweepStart struct {
	ScheduledTime time.Time `json:"scheduledTime"`
}

// SweepExecution is the sweep machine's document.
type SweepExecution struct {
	SweepStart
	Sweep Sweep `json:"sweep"`
}

// Outcomes of a sweep, as $.sweep.outcome.
const (
	// SweepQuiet: there is nothing new to tell.
	SweepQuiet = "Quiet"
	// SweepNotable: Notice is to be published, and then recorded as told.
	SweepNotable = "Notable"
)

// Sweep is what a sweep saw and did.
type Sweep struct {
	Outcome string `json:"outcome"`
	// Notice is for people: what was found or released, a paragraph each with ARN
	// and command. Told is what it says, to be recorded once it was published.
	Notice string `json:"notice"`
	Told   []Told `json:"told"`
	// Seen is how many capacities carry the stack's tag, Orphans how many of them
	// nobody owns, Released how many this sweep released or deleted.
	Seen     int `json:"seen"`
	Orphans  int `json:"orphans"`
	Released int `json:"released"`
}

// Told is one thing that people were told of, once.
type Told struct {
	// Kind is what they were told: one of the Tell constants.
	Kind string `json:"kind"`
	// Thing is an ARN, or a run's id, that it is about.
	Thing string `json:"thing"`
	// Since is what makes it new again, such as another publication or term.
	Since time.Time `json:"since"`
	// At is the time of the sweep that found it.
	At time.Time `json:"at"`
}

// What a sweep tells people.
const (
	// TellExpires: what serves is released after its life, TellIdles: because nobody
	// asks it. Nothing is released that was not told before.
	TellExpires = "expires"
	TellIdles   = "idles"
	// TellIdle: nobody has asked what serves for a while; nothing follows.
	TellIdle = "idle"
	// TellUnmeasured: CloudWatch shows no invocation at all, not even the smoke
	// test's, so that idleness cannot be judged.
	TellUnmeasured = "unmeasured"
	// TellReleased: it was released.
	TellReleased = "released"
	// TellOrphan: nobody owns it. TellOrphanReleased: it was deleted.
	TellOrphan         = "orphan"
	TellOrphanReleased = "orphan-released"
	// TellKept: it is to be deleted and cannot be.
	TellKept = "kept"
	// TellGone: the registry sends callers to it and it does not exist.
	TellGone = "gone"
	// TellRenewsWeek and TellRenewsDay: a commitment renews within that time.
	TellRenewsWeek = "renews-week"
	TellRenewsDay  = "renews-day"
	// TellAbandoned: a run has no end and nothing is at work that would give it one.
	// TellClosed: such a run was released and has its end now.
	TellAbandoned = "abandoned"
	TellClosed    = "closed"
)

// SweepKey is the key of what sweeps remember. It is no run's: those are named
// by 16 hexadecimal digits.
const SweepKey = PrefixRuns + "sweep.json"
