package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/present"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal"
)

// defaultReports is where reports are kept, below the repository.
const defaultReports = ".tuneline/reports"

// maxKinds is how many kinds of error a rehearsal prints of each file; the
// totals count the others, and the report that is kept has them.
const maxKinds = 8

// dataReport is what a rehearsal shows of reports/<run>/dataset.json.
type dataReport struct {
	Accepted             bool
	SettingsProblems     []string
	Training, Validation *dataset.Report
}

// keepReports copies what was reported of a run that did not end well out of the
// bucket, which goes with the rehearsal, to a folder of the run's own below dir.
func (r *result) keepReports(ctx context.Context, cloud *rehearsal.Cloud, dir string) error {
	if r.End == finetune.EndDeployed {
		return nil
	}
	folder := filepath.Join(dir, string(r.RunID))
	for _, key := range []string{finetune.DatasetReportKey(r.RunID), finetune.RunReportKey(r.RunID)} {
		text, err := cloud.ReadObject(ctx, key)
		if none := new(types.NoSuchKey); errors.As(err, &none) { // the run ended before it came to that report
			continue
		}
		if err != nil {
			return err
		}
		if key == finetune.DatasetReportKey(r.RunID) {
			if err := json.Unmarshal(text, &r.data); err != nil {
				return fmt.Errorf("reading %s: %w", key, err)
			}
		}
		file := filepath.Join(folder, path.Base(key))
		if err = os.MkdirAll(folder, 0o750); err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keeping the reports: %w: choose another folder with --reports", err)
		}
		r.Reports = append(r.Reports, file)
	}
	return nil
}

// findings shows what the check found in the files it did not accept, and says
// whether there was any.
func (t *terminal) findings(r dataReport, e example) (shown bool) {
	if t.asJSON {
		return false
	}
	human := present.NewHuman(t.out, t.tty)
	for _, file := range []struct {
		name   string
		report *dataset.Report
	}{{e.training, r.Training}, {e.validation, r.Validation}} {
		if file.report == nil || file.report.Accepted {
			continue
		}
		shown = true
		t.print("")
		for _, finding := range firstErrors(file.report.Findings) {
			human.Finding(file.name, finding)
		}
		human.Summary(present.File{Name: file.name, Report: *file.report, Checked: string(file.report.Format)})
	}
	return shown
}

// firstErrors returns the errors of the first kinds; of one kind are those that
// say the same.
func firstErrors(findings []dataset.Finding) []dataset.Finding {
	type kind struct {
		code    dataset.Code
		message string
	}
	kinds := map[kind]bool{}
	var first []dataset.Finding
	for _, f := range findings {
		k := kind{f.Code, f.Message}
		if f.Severity != dataset.SeverityError || !kinds[k] && len(kinds) == maxKinds {
			continue
		}
		kinds[k] = true
		first = append(first, f)
	}
	return first
}
