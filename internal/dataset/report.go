package dataset

// Finding is one thing to look at in a data set. It never holds a value of it.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Line is 1-based; 0 in a finding about the data set as a whole.
	Line int64 `json:"line,omitempty"`
	// Column is the 1-based byte on the line, 0 where Line is.
	Column int64 `json:"column,omitempty"`
	// Pointer is the JSON pointer (RFC 6901) of the value, "" for the record
	// itself. It stops short of a key that is no plain name.
	Pointer string `json:"pointer,omitempty"`
	// Message says what to do.
	Message string `json:"message"`
}

// Report is what Check says about one data set.
type Report struct {
	Format Format `json:"format"`
	Role   Role   `json:"role"`
	// Accepted: there is no error.
	Accepted bool  `json:"accepted"`
	Bytes    int64 `json:"bytes"`
	// Lines counts every line, Records those that are not blank.
	Lines   int64 `json:"lines"`
	Records int64 `json:"records"`
	// Characters is the sum of the Unicode characters in all texts.
	Characters int64 `json:"characters"`
	// EstimatedTokens is Characters by the characters a token of the limits,
	// rounded up. It is the estimate AWS's quotas use, not a tokenizer's count.
	EstimatedTokens int64 `json:"estimatedTokens"`
	// SHA256 is the hexadecimal digest of the bytes read, "" when it was not asked for.
	SHA256   string `json:"sha256,omitempty"`
	Errors   int64  `json:"errors"`
	Warnings int64  `json:"warnings"`
	Notes    int64  `json:"notes"`
	// Profile is what the records look like.
	Profile Profile `json:"profile"`
	// Counts is the full number of findings by code.
	Counts map[Code]int64 `json:"counts"`
	// Findings are in the order of the lines, those on the whole data set last;
	// of each code no more than Options.MaxFindings.
	Findings []Finding `json:"findings"`
	// DuplicatesUnchecked is how many records came after MaxFingerprints
	// different ones and were not compared with later ones.
	DuplicatesUnchecked int64 `json:"duplicatesUnchecked,omitempty"`

	seen, near *seen
}

// Profile describes the records of a data set.
type Profile struct {
	// Characters are percentiles of the Unicode characters in a record's texts.
	Characters Percentiles `json:"characters"`
	// Messages counts the messages by role: system, user, assistant, tool. A
	// prompt counts as the user's, a completion as the assistant's.
	Messages map[string]int64 `json:"messages"`
}

// Percentiles of a number over all records, exact below 128 and within 1 % above.
type Percentiles struct {
	Min int64 `json:"min"`
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}
