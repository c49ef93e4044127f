package present

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Schema names the form of the document [JSON] writes. Members may be added to
// it; one that changes its meaning or goes gets another name.
const Schema = "tuneline.check/1"

// document is what JSON writes.
type document struct {
	Schema string `json:"schema"`
	// Accepted: every data set was checked, and none has an error.
	Accepted bool           `json:"accepted"`
	Files    []fileDocument `json:"files"`
}

// fileDocument is one data set; it has a problem or a report.
type fileDocument struct {
	Name         string          `json:"name"`
	Checked      string          `json:"checked,omitempty"`
	NotLookedFor []string        `json:"notLookedFor,omitempty"`
	Problem      string          `json:"problem,omitempty"`
	Report       *dataset.Report `json:"report,omitempty"`
}

// JSON writes one object with the members
//
//	schema    the value of Schema
//	accepted  whether every data set was checked and has no error
//	files     one object for each data set, in the order given, with name,
//	          checked, notLookedFor, and either problem or report
//
// A report has the members of [dataset.Report]. Its counts hold the full number
// of findings by code, its findings no more than were kept of each code. The
// same files give the same bytes.
func JSON(w io.Writer, files []File) error {
	d := document{Schema: Schema, Accepted: true, Files: []fileDocument{}}
	for _, f := range files {
		d.Accepted = d.Accepted && f.accepted()
		d.Files = append(d.Files, f.document())
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}

func (f File) document() fileDocument {
	d := fileDocument{Name: f.Name, Checked: f.Checked, NotLookedFor: f.NotLookedFor, Problem: f.Problem}
	if f.Problem != "" {
		return d
	}
	r := f.Report
	// Readers iterate over these: an empty one is not null.
	if r.Findings == nil {
		r.Findings = []dataset.Finding{}
	}
	if r.Counts == nil {
		r.Counts = map[dataset.Code]int64{}
	}
	if r.Profile.Messages == nil {
		r.Profile.Messages = map[string]int64{}
	}
	d.Report = &r
	return d
}
