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
	if !strings.HasSuffix(key, ".jsonl") {
		file(CodeFileExtension, "the file's name must end in .jsonl: rename it")
	}
	return found
}
