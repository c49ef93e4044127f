package main

import (
	"fmt"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/formodel"
	"github.com/tuneline/tuneline/internal/s3object"
)

// optionsFor are the format, the rules and the limits of how the run is tuned:
// by base model and customization type. Media must lie in the bucket of the
// data set, since the service role reads no other; where in it, mediaOf says.
func (h handler) optionsFor(how settled) (dataset.Options, error) {
	options, err := formodel.Options(how.model, how.settings.CustomizationType)
	if err != nil {
		return dataset.Options{}, fmt.Errorf("choosing how to check the data set: %w", err)
	}
	options.Rules.Bucket = h.bucket
	return options, nil
}

// noteKey files what Bedrock has against an object's key, as notes whatever the
// code's own severity is. The job never sees the key: it reads the accepted copy,
// whose key is made of a run id. People who keep their data under a key like
// dt=2026-11-23/ are told what it would do elsewhere. That the key ends in
// .jsonl, the trigger's rule and the model's name out of the key have made sure of.
func noteKey(r *dataset.Report, bucket, key string) {
	for _, f := range dataset.CheckObjectKey(bucket, key) {
		f.Severity = dataset.SeverityNote
		f.Message = "nothing has to be done here, since the job reads a copy; in a job of your own, " + f.Message
		r.Notes++
		r.Counts[f.Code]++
		r.Findings = append(r.Findings, f)
	}
}

// tooLarge is the report on a data set that is not read, because there would not
// be the time. Size is that of training and validation data together, most what
// could be checked, in bytes; there is no way to do what is asked but todo.
func tooLarge(upload s3object.Object, size, most int64, todo string, options dataset.Options) *checked {
	f := dataset.Finding{
		Code: dataset.CodeFileTooLarge, Severity: dataset.SeverityError,
		Message: fmt.Sprintf("training and validation data have %d bytes, %d can be checked in a function's time, and nothing was read: %s", size, most, todo),
	}
	return &checked{Key: upload.Key, VersionID: upload.VersionID, Report: dataset.Report{
		Format: options.Format, Role: dataset.RoleTraining, Bytes: upload.Size, Errors: 1,
		Profile: dataset.Profile{Messages: map[string]int64{}},
		Counts:  map[dataset.Code]int64{f.Code: 1}, Findings: []dataset.Finding{f},
	}}
}
