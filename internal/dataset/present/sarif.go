package present

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/tuneline/tuneline/internal/dataset"
)

const (
	toolName = "tuneline"
	homePage = "https://github.com/tuneline/tuneline"
	// codesPage has a heading for every code, whose anchor is the code in lower case.
	codesPage = homePage + "/blob/main/docs/data-set-checks.md"
	// sarifSchema is where OASIS publishes the schema.
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// SARIF writes a SARIF 2.1.0 log with one run, whose rules are the codes. It
// follows the OASIS standard, and what GitHub's code scanning reads of it.
//
// A region names the line and no column: SARIF counts columns in characters,
// and the check in bytes. The byte column is the result's property byteColumn,
// the JSON pointer its logical location. A finding on the whole data set has no
// region, as the standard wants it (3.29.4).
//
// What is not listed, and a data set that could not be checked, are the
// notifications of the run's invocation.
func SARIF(w io.Writer, files []File, version string) error {
	if err := sarifLog(files, version).PrettyWrite(w); err != nil {
		return fmt.Errorf("writing the report as SARIF: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("writing the report as SARIF: %w", err)
	}
	return nil
}

func sarifLog(files []File, version string) *sarif.Report {
	run := sarif.NewRunWithInformationURI(toolName, homePage).WithDefaultEncoding("utf-8")
	if version != "" {
		run.Tool.Driver.WithVersion(version)
	}
	for _, info := range dataset.Codes() {
		addRule(run, info)
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(true)
	var total, listed int64
	for i, f := range files {
		place := sarif.NewSimpleArtifactLocation(address(f.Name)).WithIndex(i)
		run.AddArtifact(artifact(f))
		notify(invocation, f, place)
		for _, finding := range f.Report.Findings {
			run.AddResult(result(run, finding, place))
		}
		for _, t := range tallies(f.Report) {
			total, listed = total+t.total, listed+t.listed
		}
	}
	run.AddInvocation(invocation)
	run.WithProperties(sarif.NewPropertyBag().Add("findings", total).Add("findingsListed", listed))
	log := report.NewV210Report().AddRun(run)
	log.Schema = sarifSchema
	return log
}

func addRule(run *sarif.Run, info dataset.CodeInfo) {
	run.AddRule(string(info.Code)).
		WithShortDescription(sarif.NewMultiformatMessageString().WithText(info.Title)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(info.Title + ".")).
		WithHelp(sarif.NewMultiformatMessageString().WithText(info.Action)).
		WithHelpURI(codesPage + "#" + strings.ToLower(string(info.Code))).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(string(info.Severity)))
}

// artifact describes a data set. Its length stays out when nothing was read.
func artifact(f File) *sarif.Artifact {
	r := f.Report
	a := sarif.NewArtifact().WithLocation(sarif.NewSimpleArtifactLocation(address(f.Name))).AddRole("analysisTarget")
	properties := sarif.NewPropertyBag()
	if f.Checked != "" {
		properties.Add("checked", f.Checked)
	}
	if len(f.NotLookedFor) > 0 {
		properties.Add("notLookedFor", f.NotLookedFor)
	}
	if f.Problem == "" {
		a.WithLength(int(r.Bytes))
		properties.Add("accepted", r.Accepted).Add("records", r.Records).
			Add("characters", r.Characters).Add("estimatedTokens", r.EstimatedTokens)
	}
	if r.SHA256 != "" {
		a.WithHashes(map[string]string{"sha-256": r.SHA256})
	}
	return a.WithProperties(properties)
}

// notify says in the invocation what the results do not.
func notify(invocation *sarif.Invocation, f File, place *sarif.ArtifactLocation) {
	add := func(level, message string) {
		invocation.AddToolExecutionNotification(sarif.NewNotification().
			WithLevel(level).
			WithMessage(sarif.NewTextMessage(message)).
			AddLocation(location(place)))
	}
	if f.Problem != "" {
		invocation.WithExecutionSuccessful(false)
		add("error", "the data set was not checked: "+f.Problem)
	}
	for _, t := range tallies(f.Report) {
		if t.listed < t.total {
			add("note", fmt.Sprintf("%s was found %s, of which %d are results", t.info.Code, count(t.total, "time", "times"), t.listed))
		}
	}
	for _, what := range unsought(f) {
		add("note", "not looked for: "+what)
	}
}

func result(run *sarif.Run, f dataset.Finding, place *sarif.ArtifactLocation) *sarif.Result {
	at := location(place)
	if f.Line > 0 {
		at.PhysicalLocation.WithRegion(sarif.NewRegion().WithStartLine(int(f.Line)))
	}
	if f.Pointer != "" {
		at.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(f.Pointer).WithKind("value"))
	}
	r := sarif.NewRuleResult(string(f.Code)).
		WithRuleIndex(run.GetRuleIndex(string(f.Code))).
		WithLevel(string(f.Severity)).
		WithMessage(sarif.NewTextMessage(text(f))).
		AddLocation(at)
	if f.Column > 0 {
		r.WithProperties(sarif.NewPropertyBag().Add("byteColumn", f.Column))
	}
	return r
}

func location(place *sarif.ArtifactLocation) *sarif.Location {
	return sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().WithArtifactLocation(place))
}

// address is a data set's name as a URI: relative for a relative path, so that
// code scanning finds the file in the repository.
func address(name string) string {
	if rest, ok := strings.CutPrefix(name, "s3://"); ok {
		bucket, key, _ := strings.Cut(rest, "/")
		return (&url.URL{Scheme: "s3", Host: bucket, Path: "/" + key}).String()
	}
	if !filepath.IsAbs(name) {
		return (&url.URL{Path: filepath.ToSlash(name)}).String()
	}
	path := filepath.ToSlash(name)
	if !strings.HasPrefix(path, "/") { // a drive of Windows
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
