package scan

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zricethezav/gitleaks/v8/cmd/scm"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/report"
	"github.com/zricethezav/gitleaks/v8/sources"
)

// Secrets looks for keys, tokens and passwords by the rules that gitleaks
// publishes. A finding's resource is the file with the beginning of the secret's
// hash, "config.go#1a2b3c4d": an exception is for this one secret in this file.
type Secrets struct{ detector *detect.Detector }

// NewSecrets reads gitleaks' rules. Its list of files that it leaves alone, such as
// pictures and what package managers lock, is taken away: what it finds there is an
// exception or none.
func NewSecrets() (*Secrets, error) {
	logging.Logger = logging.Logger.Output(io.Discard) // it could name what it found
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules for secrets: %w", err)
	}
	detector.IgnoreGitleaksAllow = true // a comment beside a secret excuses nothing
	for i, list := range detector.Config.Allowlists {
		everywhere := &config.Allowlist{MatchCondition: list.MatchCondition, RegexTarget: list.RegexTarget, Regexes: list.Regexes, StopWords: list.StopWords}
		if err := everywhere.Validate(); err != nil {
			return nil, fmt.Errorf("reading what gitleaks takes for no secret: %w", err)
		}
		detector.Config.Allowlists[i] = everywhere
	}
	return &Secrets{detector}, nil
}

// InTree looks into the files of the repository at root that are committed, or
// would be with the next commit.
func (s *Secrets) InTree(ctx context.Context, root string) ([]Finding, error) {
	list, err := output(ctx, nil, "git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	var found []Finding
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a file of this repository
		if os.IsNotExist(err) {
			continue // deleted, but not yet in a commit
		}
		if err != nil {
			return nil, err
		}
		found = append(found, s.In(ctx, name, text)...)
	}
	return found, nil
}

// In looks into one file.
func (s *Secrets) In(ctx context.Context, name string, text []byte) []Finding {
	return secretFindings(s.detector.DetectContext(ctx, detect.Fragment{Raw: string(text), FilePath: name}), name) //nolint:staticcheck // the one type this version takes
}

// InHistory looks into every change that led to the commit that is checked out, but
// those of files that git takes for binary: it has no lines of them.
func (s *Secrets) InHistory(ctx context.Context, root string) ([]Finding, error) {
	command, err := sources.NewGitLogCmdContext(ctx, root, "HEAD")
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	found, err := s.detector.DetectSource(ctx, &sources.Git{
		Cmd: command, Config: &s.detector.Config, Remote: &sources.RemoteInfo{Platform: scm.NoPlatform}, Sema: s.detector.Sema,
	})
	if err != nil {
		return nil, fmt.Errorf("looking for secrets in the history: %w", err)
	}
	return secretFindings(found, ""), nil
}

// secretFindings says what was found without saying the secret. In each file, a
// secret that is there more than once is one finding.
func secretFindings(all []report.Finding, file string) []Finding {
	var found []Finding
	for _, f := range all {
		name := file
		if name == "" {
			name = f.File
		}
		resource := fmt.Sprintf("%s#%.8x", name, sha256.Sum256([]byte(f.Secret)))
		if finding := (Finding{Rule: f.RuleID, Resource: resource, Message: f.Description}); !slices.Contains(found, finding) {
			found = append(found, finding)
		}
	}
	return found
}
