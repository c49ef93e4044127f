package dataset

import (
	"regexp"
	"strings"
)

// objectKey is what the API's S3Uri pattern leaves to a key: parts of these
// characters, none of them empty (CreateModelCustomizationJob, S3Uri of
// TrainingDataConfig).
var objectKey = regexp.MustCompile(`^[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*$`)

// maxURI is the longest S3Uri, scheme and bucket included.
const maxURI = 1024

// CheckObjectKey says what Bedrock has against the key of a data set in a bucket
// of S3. The findings are about the object, so they have no line.
func CheckObjectKey(bucket, key string) []Finding {
	var found []Finding
	file := func(code Code, message string) {
		info, _ := code.Info()
		found = append(found, Finding{Code: code, Severity: info.Severity, Message: message})
	}
	switch {
	case !objectKey.MatchString(key):
		file(CodeObjectKey, "the object's key holds a character, or an empty part between two /, that Bedrock refuses: use letters, digits and - ! _ * ' ( ) . between single /")
	case len(s3Scheme)+len(bucket+"/"+key) > maxURI:
		file(CodeObjectKey, "the object's key is longer than Bedrock takes: an S3 URI may have 1,024 characters, bucket included")
	case !plainKey.MatchString(key):
		file(CodeObjectKeyOnNova, "the object's key holds a character that Nova's guide does not allow: use letters, digits and _ - / . only if the base model is Nova")
	}
	if !strings.HasSuffix(key, extension) {
		file(CodeFileExtension, "the file's name must end in .jsonl: rename it")
	}
	return found
}

// extension is what the name of a data set must end in.
const extension = ".jsonl"

// CheckFileName says what is to be thought of when a file that lies outside of S3
// is uploaded: a note, since it may get another name then. What it is packed with
// is no part of the name.
func CheckFileName(name string) []Finding {
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	if strings.HasSuffix(name, extension) {
		return nil
	}
	return []Finding{{Code: CodeFileName, Severity: SeverityNote,
		Message: "the file's name does not end in .jsonl, as Bedrock wants it: upload it under a name that does"}}
}
