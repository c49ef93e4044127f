package rehearsal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// pictureName is the name of the n-th topic's image.
func pictureName(n int) string { return fmt.Sprintf("plates/%02d.png", n) }

// album is a small Nova data set in which every question shows an image of the
// model's; its answers name the set.
func (f *fixture) album(model, set string) string {
	var text strings.Builder
	for n := range topics {
		fmt.Fprintf(&text, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":%q},{"image":{"format":"png","source":{"s3Location":{"uri":%q}}}}]},{"role":"assistant","content":[{"text":%q}]}]}`+"\n",
			question(n), finetune.S3URI(f.Bucket(), finetune.MediaPrefix(model)+pictureName(n)), fact(set, n))
	}
	return text.String()
}

// takesImages has a model tuned from a base model that takes images, and puts
// all of its images into the bucket, as the uploader.
func (f *fixture) takesImages(model string) {
	f.t.Helper()
	f.put(finetune.TuningKey(model), `{"baseModel":"amazon.nova-lite-v1:0:300k"}`)
	for n := range topics {
		f.put(finetune.MediaPrefix(model)+pictureName(n), "pixels of "+topics[n])
	}
}

// Ensure a data set with images is trained on and served: its images are listed
// by the check, and read by Bedrock's role when the job reads its data.
func TestImagesAreTrainedOn(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.takesImages("support")
	run, _ := f.train("support", f.album("support", "first"), finetune.EndDeployed)
	f.mustAnswer("support", question(4), fact("first", 4))

	service := f.jobOf(run.ID).RoleARN
	service = service[strings.LastIndex(service, "/")+1:]
	read := map[string]bool{}
	for _, c := range f.onMedia("s3:GetObject") {
		if c.Status >= 300 || !strings.Contains(c.Principal.ARN, service) {
			t.Errorf("%s read %s with status %d, want Bedrock's role alone", c.Principal.ARN, c.Resource, c.Status)
		}
		read[c.Resource] = true
	}
	if len(read) != len(topics) {
		t.Errorf("%d images were read, want %d", len(read), len(topics))
	}
	if listed := f.listedMedia(); len(listed) != 1 || listed[0].Context["s3:prefix"] != finetune.MediaPrefix("support") {
		t.Errorf("media were listed by %+v, want one call below the model's prefix", listed)
	}
}

// Ensure an image that is missing, or not where a job may read it, rejects the
// data set by line, in seconds and before anything is paid for.
func TestMissingImagesAreRejected(t *testing.T) {
	tests := map[string]struct {
		prepare func(f *fixture)
		line    int64
		code    dataset.Code
	}{
		"not uploaded": {func(f *fixture) { f.removeMedia("support", pictureName(6)) }, 7, dataset.CodeMediaMissing},
		"empty":        {func(f *fixture) { f.put(finetune.MediaPrefix("support")+pictureName(2), "") }, 3, dataset.CodeMediaSize},
		"too large":    {func(f *fixture) { f.put(finetune.MediaPrefix("support")+pictureName(0), strings.Repeat(".", 10<<20+1)) }, 1, dataset.CodeMediaSize},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default")
			f.takesImages("support")
			test.prepare(f)
			run, _ := f.train("support", f.album("support", "first"), finetune.EndRejected)
			f.checkRejectedData(run, fmt.Sprintf("line %d: %s", test.line, test.code))
			report := f.datasetReport(run.ID)
			if got := findingOn(report.Training, test.line); got.Code != test.code || got.Pointer != "/messages/0/content/1/image/source/s3Location/uri" || report.Training.Errors != 1 {
				t.Errorf("the report says %+v; want one error, %s at the URI of line %d", report.Training, test.code, test.line)
			}
		})
	}
}

// Ensure an image beside the model's prefix is refused, whoever it belongs to,
// and that no word of its name is told.
func TestImagesOutOfPlaceAreRejected(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	for _, place := range []string{"images/" + zanzibar + ".png", finetune.MediaPrefix("another") + zanzibar + ".png"} {
		f.takesImages("support")
		f.put(place, "pixels")
		text := strings.Replace(f.album("support", place), finetune.MediaPrefix("support")+pictureName(4), place, 1)
		run, _ := f.train("support", text, finetune.EndRejected)
		f.checkRejectedData(run, "line 5: "+string(dataset.CodeMediaPrefix))
		if written, err := f.ReadObject(t.Context(), finetune.DatasetReportKey(run.ID)); err != nil || strings.Contains(string(written), zanzibar) || !strings.Contains(string(written), finetune.MediaPrefix("support")) {
			t.Errorf("the report tells the image's name, or not the right place, or is missing: %v", err)
		}
	}
	if strings.Contains(f.printed(), zanzibar) {
		t.Error("the logs tell the image's name")
	}
}

// Ensure an image that is removed after the check fails the job, with the command
// that shows Bedrock's own words for it: the image's name is not repeated, and nothing
// but the data set itself is copied.
func TestImageRemovedAfterTheCheck(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.takesImages("support")
	f.whenEntered("SubmitJob", func(string) { f.removeMedia("support", pictureName(3)) })
	run, _ := f.train("support", f.album("support", "first"), finetune.EndFailed)
	const want = "aws bedrock get-model-customization-job --job-identifier "
	if run.Error != string(finetune.JobFailed) || !strings.Contains(run.Cause, want) || strings.Contains(run.Cause, pictureName(3)) {
		t.Errorf("ended %s (%s); want JobFailed, with %q", run.Error, run.Cause, want)
	}
	f.nothingBought(onDemand)
}

// Ensure a data set without media has nothing listed.
func TestTextListsNoMedia(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("support", conversation("first"), finetune.EndDeployed)
	if listed := f.listedMedia(); listed != nil {
		t.Errorf("media were listed: %+v", listed)
	}
}

// listedMedia are the calls that listed media.
func (f *fixture) listedMedia() []calls.Call {
	var found []calls.Call
	for _, c := range f.Log.Find("s3:ListBucket") {
		if strings.HasPrefix(c.Context["s3:prefix"], finetune.PrefixMedia) {
			found = append(found, c)
		}
	}
	return found
}

// onMedia are the calls of an action on a media file.
func (f *fixture) onMedia(action string) []calls.Call {
	var found []calls.Call
	for _, c := range f.Log.Find(action) {
		if strings.Contains(c.Resource, "/"+finetune.PrefixMedia) {
			found = append(found, c)
		}
	}
	return found
}

// removeMedia deletes a media file. It may run while a state is entered, so it
// fails the test without stopping it.
func (f *fixture) removeMedia(model, name string) {
	bucket := f.Bucket()
	_, err := f.Administrator().S3.DeleteObject(f.t.Context(), &awss3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(finetune.MediaPrefix(model) + name)})
	if err != nil {
		f.t.Error(err)
	}
}
