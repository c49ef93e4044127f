package advice

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	ahocorasick "github.com/BobuSumisu/aho-corasick"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Secrets returns an inspector that looks for keys, tokens and passwords by the
// rules gitleaks publishes with its library. A suspicion names the rule, such
// as "aws-access-token", once for a text. The rules are compiled on the first
// call, which takes some hundredths of a second; nothing is read from a disk or
// a network. The error is about the rules.
//
// A text of more than 16 KiB is inspected in parts: a secret of more than 4 KiB
// can be missed in it, and after the first part that holds one, the others are
// not looked at.
func Secrets() (dataset.Inspector, error) {
	s, err := compiled()
	if err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules for secrets: %w", err)
	}
	return s, nil
}

// compiled does it once: the library reads its rules through state of the
// process, and logs through it.
var compiled = sync.OnceValues(func() (*secrets, error) {
	// Its log could name what it found.
	logging.Logger = logging.Logger.Output(io.Discard)
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, err
	}
	// A comment in source code may excuse a secret there. A text may not.
	detector.IgnoreGitleaksAllow = true
	keywords := slices.Collect(maps.Keys(detector.Config.Keywords))
	return &secrets{
		detector: detector,
		keywords: ahocorasick.NewTrieBuilder().AddStrings(keywords).Build(),
	}, nil
})

// secrets is one detector for all goroutines: detecting only reads it, and what
// it counts is atomic. The race detector watches over that in the tests.
type secrets struct {
	detector *detect.Detector
	// keywords are those of all rules. Every rule for a text has one that must
	// stand in it, so a text with none is done without asking each rule.
	keywords *ahocorasick.Trie
}

// Inspect implements [dataset.Inspector].
func (s *secrets) Inspect(text []byte) []dataset.Suspicion {
	for window, rest := cut(text); len(window) > 0; window, rest = cut(rest) {
		if found := s.inWindow(window); len(found) > 0 {
			return found
		}
	}
	return nil
}

func (s *secrets) inWindow(window []byte) []dataset.Suspicion {
	if s.keywords.MatchFirst(bytes.ToLower(window)) == nil {
		return nil
	}
	var rules []string
	for _, finding := range s.detector.DetectBytes(window) {
		rules = append(rules, finding.RuleID)
	}
	slices.Sort(rules)
	var suspicions []dataset.Suspicion
	for _, rule := range slices.Compact(rules) {
		suspicions = append(suspicions, dataset.Suspicion{Code: dataset.CodeSecret, What: rule})
	}
	return suspicions
}

// A text is inspected in windows, up to the first with a secret, because the
// detector's time grows with the square of the matches in what it is given. They
// overlap, so that a secret on the edge of one stands whole in the next.
const (
	windowBytes  = 16 << 10
	overlapBytes = 4 << 10
	// edgeBytes is how far a window is shortened to end at white space, where no
	// secret is cut in two and taken for a shorter one.
	edgeBytes = 1 << 10
)

// cut returns the first window of a text, and the text that the next one is of.
func cut(text []byte) (window, rest []byte) {
	if len(text) <= windowBytes {
		return text, nil
	}
	end := windowBytes
	if space := bytes.LastIndexAny(text[end-edgeBytes:end], " \t\r\n"); space >= 0 {
		end += space + 1 - edgeBytes
	}
	begin := end - overlapBytes
	if space := bytes.IndexAny(text[begin-edgeBytes:begin], " \t\r\n"); space >= 0 {
		begin += space + 1 - edgeBytes
	}
	return text[:end], text[begin:]
}
