package dataset

import (
	"fmt"
	"runtime"
	"slices"
)

// Role says which of a job's two data sets a file is.
type Role string

const (
	// RoleTraining is the data a job trains on.
	RoleTraining Role = "training"
	// RoleValidation is Bedrock's second data set, which the validation loss is
	// measured on.
	RoleValidation Role = "validation"
)

// Defaults of Options.
const (
	// DefaultMaxFindings is how many findings a code are kept.
	DefaultMaxFindings = 100
	// DefaultMaxLineBytes is the longest line that is read: more than the
	// largest allowed record with every character written as a \u escape.
	DefaultMaxLineBytes = 4 << 20
	// MaxFingerprints is how many records are remembered to find duplicates, so
	// that memory stays bounded: to 256 MiB when their number is known before.
	MaxFingerprints = 1 << 24

	defaultCharactersPerToken = 6
)

// Options says how to check. The zero value of a field is its default; Format
// has none.
type Options struct {
	Format Format
	Limits Limits
	Rules  Rules
	// Role is RoleTraining by default.
	Role Role
	// Validation is the report on the job's validation data, made before by
	// Check in this process: its records count against the same limits, and
	// training records that stand there too are found. Nil when there is none.
	Validation *Report
	// MaxFindings is how many findings a code are kept; Counts has them all.
	MaxFindings int
	// MaxLineBytes is the longest line that is read.
	MaxLineBytes int
	// Workers is how many goroutines judge records; 0 means one for each
	// processor that Go uses.
	Workers int
	// Size is how many bytes the data set has, 0 when that is not known. It sizes
	// the memory for duplicates, and is not trusted for anything else.
	Size int64
	// Digest: the report gets the SHA-256 of the bytes read. It costs about as
	// much as everything else together.
	Digest bool
	// NearDuplicates: records with the same texts but for case, white space and
	// the way the JSON is written are found too.
	NearDuplicates bool
	// Inspectors look at every text for what should not be trained on. With any,
	// every record takes the slow way.
	Inspectors []Inspector
	// Refuse are codes whose findings are errors in this check, whatever severity
	// the code has.
	Refuse []Code
	// MediaSize is asked for the size in bytes of the object with this key in
	// Rules.Bucket, for every media file that lies where the rules want it;
	// [MediaMissing] and [MediaUnknown] are answers too. It is called from several
	// goroutines at once, and may take its time; it must not keep the key. Nil:
	// nobody asks.
	MediaSize func(key []byte) int64
	// AuthorityOnly: no record takes the fast way. The result is the same; this is
	// for measuring, and for holding the two ways against each other.
	AuthorityOnly bool
	// Found is called with every finding that is kept, in the order of the
	// report, as soon as it is known.
	Found func(Finding)
	// Progress is called now and then, and once at the end, with the bytes read
	// and the records seen so far.
	Progress func(bytes, records int64)
}

// What Options.MediaSize answers in place of a size.
const (
	// MediaMissing: there is no such object.
	MediaMissing int64 = -1
	// MediaUnknown: nobody can tell.
	MediaUnknown int64 = -2
)

// Inspector looks for something in a text. It is called from several goroutines
// at once.
type Inspector interface {
	// Inspect returns what it suspects, nil for nothing. The text is decoded and
	// must not be kept.
	Inspect(text []byte) []Suspicion
}

// Suspicion is what an [Inspector] found in a text, without the value itself.
type Suspicion struct {
	// Code is CodeSecret or CodePersonalData.
	Code Code
	// What names the kind of value, such as the name of the rule that matched.
	What string
}

// complete fills in the defaults and refuses what makes no sense.
func (o Options) complete() (Options, error) {
	if _, ok := forms[o.Format]; !ok {
		return o, fmt.Errorf("checking a data set: no format %q, use one of %s", o.Format, formatNames())
	}
	if o.Role == "" {
		o.Role = RoleTraining
	}
	if !slices.Contains([]Role{RoleTraining, RoleValidation}, o.Role) {
		return o, fmt.Errorf("checking a data set: no role %q, use %s or %s", o.Role, RoleTraining, RoleValidation)
	}
	if o.Validation != nil && o.Role != RoleTraining {
		return o, fmt.Errorf("checking a data set: a report on validation data belongs to training data, not to %s data", o.Role)
	}
	if o.MaxFindings <= 0 {
		o.MaxFindings = DefaultMaxFindings
	}
	if o.MaxLineBytes <= 0 {
		o.MaxLineBytes = DefaultMaxLineBytes
	}
	o.MaxLineBytes = o.Limits.longestLine(o.MaxLineBytes)
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Limits.CharactersPerToken <= 0 {
		o.Limits.CharactersPerToken = defaultCharactersPerToken
	}
	return o, nil
}

// severity of a finding of the code at this place of the table.
func (o *Options) severity(place int) Severity {
	if info := codes[place]; !slices.Contains(o.Refuse, info.Code) {
		return info.Severity
	}
	return SeverityError
}

// plain says that the fast tier knows these options.
func (o *Options) plain() bool { return !o.AuthorityOnly && len(o.Inspectors) == 0 }
