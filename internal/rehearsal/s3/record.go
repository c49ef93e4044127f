package s3

import (
	"net"
	"net/http"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// primary is the call a fault hook is asked about: the operation's own action,
// not the reading half of a copy.
func (x *exchange) primary() calls.Call {
	return x.call(x.op.needs[0])
}

func (x *exchange) call(n need) calls.Call {
	return calls.Call{
		Time:      x.options.Clock.Now(),
		Principal: x.principal,
		Action:    n.action,
		Resource:  n.resource,
		Context:   x.context(),
	}
}

// record logs every permission the request took, and those of the KMS calls
// that S3 made with the caller's rights when it served the request.
func (x *exchange) record(a answer) {
	for _, n := range x.op.needs {
		c := x.call(n)
		c.Status, c.Error = a.status, a.code
		x.options.Log.Record(c)
	}
	if a.status >= http.StatusMultipleChoices {
		return
	}
	for _, action := range keyActions[x.op.name] {
		c := x.keyCall(action)
		c.Status = http.StatusOK
		x.options.Log.Record(c)
	}
}

// authorize asks whether policies allow what the request needs, and the KMS
// calls that S3 will make with the caller's rights. DeleteObjects is asked about
// key by key, since it refuses keys and not the request.
func (x *exchange) authorize() *apiError {
	if x.op.name == "DeleteObjects" {
		return nil
	}
	var needed []calls.Call
	for _, n := range x.op.needs {
		needed = append(needed, x.call(n))
	}
	for _, action := range keyActions[x.op.name] {
		needed = append(needed, x.keyCall(action))
	}
	if denial := x.options.Log.Authorize(needed...); denial != nil {
		return accessDenied(denial.Message)
	}
	return nil
}

// hideMissing turns the answer that there is no such object into a denial for
// who may not list the bucket ("GetObject", "HeadObject", S3 API Reference).
func (x *exchange) hideMissing(a answer) answer {
	if a.status != http.StatusNotFound || x.op.needs[0].action != "s3:GetObject" {
		return a
	}
	list := x.call(need{"s3:ListBucket", location{bucket: x.op.bucket}.arn()})
	denial := x.options.Log.Authorize(list)
	if denial == nil {
		return a
	}
	if a.body != nil {
		_ = a.body.Close() // replaced
	}
	return x.fail(accessDenied(denial.Message))
}

// keyCall is a KMS call that S3 makes for the caller.
func (x *exchange) keyCall(action string) calls.Call {
	return calls.Call{
		Time: x.options.Clock.Now(), Principal: x.principal, Action: action, Resource: x.options.KeyARN, Context: x.keyContext(),
	}
}

// keyActions are the KMS permissions the caller needs on an SSE-KMS bucket
// ("Using server-side encryption with AWS KMS keys", S3 User Guide; for the
// parts of a multipart upload "Multipart upload API and permissions").
var keyActions = map[string][]string{
	"GetObject":               {"kms:Decrypt"},
	"PutObject":               {"kms:GenerateDataKey"},
	"CopyObject":              {"kms:Decrypt", "kms:GenerateDataKey"},
	"CreateMultipartUpload":   {"kms:GenerateDataKey"},
	"UploadPart":              {"kms:Decrypt"},
	"UploadPartCopy":          {"kms:Decrypt"},
	"CompleteMultipartUpload": {"kms:Decrypt"},
}

// listKeys are the parameters of a listing that are condition keys.
var listKeys = map[string]string{"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}

// headerKeys are the request headers that are condition keys.
var headerKeys = map[string]string{
	"X-Amz-Server-Side-Encryption":                    "s3:x-amz-server-side-encryption",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "s3:x-amz-server-side-encryption-aws-kms-key-id",
	"X-Amz-Server-Side-Encryption-Customer-Algorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
	"X-Amz-Copy-Source":                               "s3:x-amz-copy-source",
	"X-Amz-Acl":                                       "s3:x-amz-acl",
	"If-None-Match":                                   "s3:if-none-match",
	"If-Match":                                        "s3:if-match",
}

// context holds the request's condition keys.
func (x *exchange) context() map[string]string {
	keys := map[string]string{"s3:ResourceAccount": x.options.AccountID}
	if x.op.version != "" {
		keys["s3:VersionId"] = x.op.version
	}
	if x.op.key == "" {
		for parameter, name := range listKeys {
			if x.op.query.Has(parameter) {
				keys[name] = x.op.query.Get(parameter)
			}
		}
	}
	for header, name := range headerKeys {
		if value := x.r.Header.Get(header); value != "" {
			keys[name] = value
		}
	}
	if host, _, err := net.SplitHostPort(x.r.RemoteAddr); err == nil && !x.principal.InVPC {
		keys["aws:SourceIp"] = host
	}
	return keys
}

// keyContext is what KMS sees when S3 calls it for the caller; with a bucket
// key the encryption context is the bucket's ARN, not the object's.
func (x *exchange) keyContext() map[string]string {
	return map[string]string{
		"kms:ViaService":                   "s3." + x.options.Region + ".amazonaws.com",
		"kms:EncryptionContext:aws:s3:arn": location{bucket: x.op.bucket}.arn(),
	}
}
