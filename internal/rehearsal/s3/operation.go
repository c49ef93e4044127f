package s3

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is what a request asks for, in the S3 API's own words.
type operation struct {
	name                 string // "PutObject", "ListObjectsV2", ...
	bucket, key, version string
	source               *location // of a copy
	needs                []need
	query                url.Values
}

// location is one object, or one version of it.
type location struct{ bucket, key, version string }

// need is one permission the operation takes.
type need struct{ action, resource string }

// route is one row of the API: the sub-resource is the query parameter that
// selects the operation. versioned is the action when a version is named.
type route struct {
	method, subresource     string
	name, action, versioned string
}

var objectRoutes = []route{
	{"GET", "", "GetObject", "s3:GetObject", "s3:GetObjectVersion"},
	{"HEAD", "", "HeadObject", "s3:GetObject", "s3:GetObjectVersion"},
	{"PUT", "", "PutObject", "s3:PutObject", ""},
	{"DELETE", "", "DeleteObject", "s3:DeleteObject", "s3:DeleteObjectVersion"},
	{"POST", "uploads", "CreateMultipartUpload", "s3:PutObject", ""},
	{"PUT", "uploadId", "UploadPart", "s3:PutObject", ""},
	{"POST", "uploadId", "CompleteMultipartUpload", "s3:PutObject", ""},
	{"DELETE", "uploadId", "AbortMultipartUpload", "s3:AbortMultipartUpload", ""},
	{"GET", "uploadId", "ListParts", "s3:ListMultipartUploadParts", ""},
	{"GET", "tagging", "GetObjectTagging", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
	{"PUT", "tagging", "PutObjectTagging", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
	{"DELETE", "tagging", "DeleteObjectTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
	{"GET", "attributes", "GetObjectAttributes", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"},
}

var bucketRoutes = []route{
	{"GET", "", "ListObjects", "s3:ListBucket", ""},
	{"GET", "list-type", "ListObjectsV2", "s3:ListBucket", ""},
	{"HEAD", "", "HeadBucket", "s3:ListBucket", ""},
	{"GET", "versions", "ListObjectVersions", "s3:ListBucketVersions", ""},
	{"GET", "uploads", "ListMultipartUploads", "s3:ListBucketMultipartUploads", ""},
	{"POST", "delete", "DeleteObjects", "", ""},
	{"GET", "location", "GetBucketLocation", "s3:GetBucketLocation", ""},
	{"GET", "versioning", "GetBucketVersioning", "s3:GetBucketVersioning", ""},
	{"GET", "encryption", "GetBucketEncryption", "s3:GetEncryptionConfiguration", ""},
}

// parameters are the query parameters that only refine an operation; any other
// one is a sub-resource.
var parameters = []string{
	"versionId", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner",
	"marker", "key-marker", "version-id-marker", "partNumber", "part-number-marker", "max-parts", "upload-id-marker",
	"max-uploads", "max-buckets", "bucket-region", "x-id", "Signature", "AWSAccessKeyId", "Expires",
}

// classify finds the operation and the permissions it takes.
func classify(r *http.Request) (operation, *apiError) {
	query := unsignedQuery(r.URL.Query())
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	op := operation{bucket: bucket, key: key, version: query.Get("versionId"), query: query}
	routes := objectRoutes
	if key == "" {
		routes = bucketRoutes
	}
	if bucket == "" {
		routes = []route{{"GET", "", "ListBuckets", "s3:ListAllMyBuckets", ""}}
	}
	row := slices.IndexFunc(routes, func(x route) bool { return x.method == r.Method && x.subresource == subresource(query) })
	if row < 0 {
		return op, notImplemented("the rehearsal's S3 does not model " + r.Method + " with sub-resource \"" + subresource(query) + "\"")
	}
	if apiErr := checkKey(key); apiErr != nil {
		return op, apiErr
	}
	op.name = routes[row].name
	op.require(routes[row], r.Header)
	return op, op.addCopySource(r.Header)
}

// require lists the route's own permissions.
func (op *operation) require(row route, header http.Header) {
	if row.action == "" {
		return // DeleteObjects needs one a key, known from its body
	}
	action, resource := row.action, "*"
	if op.version != "" && row.versioned != "" {
		action = row.versioned
	}
	if op.bucket != "" {
		resource = location{bucket: op.bucket, key: op.key}.arn()
	}
	op.needs = append(op.needs, need{action, resource})
	if op.name == "GetObjectAttributes" {
		op.needs = append(op.needs, need{location{version: op.version}.readAction(), resource})
	}
	if header.Get("X-Amz-Tagging") != "" {
		op.needs = append(op.needs, need{"s3:PutObjectTagging", resource})
	}
}

// addCopySource turns a PUT that names a source into its copying twin, which
// also reads the source.
func (op *operation) addCopySource(header http.Header) *apiError {
	raw := header.Get("X-Amz-Copy-Source")
	if raw == "" {
		return nil
	}
	path, rest, _ := strings.Cut(raw, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	bucket, key, ok := strings.Cut(path, "/")
	params, parseErr := url.ParseQuery(rest)
	if err != nil || parseErr != nil || !ok || key == "" {
		return &apiError{http.StatusBadRequest, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"}
	}
	op.source = &location{bucket, key, params.Get("versionId")}
	op.needs = append(op.needs, need{op.source.readAction(), op.source.arn()})
	switch op.name {
	case "PutObject":
		op.name = "CopyObject"
	case "UploadPart":
		op.name = "UploadPartCopy"
	}
	return checkKey(key)
}

func (l location) readAction() string {
	if l.version != "" {
		return "s3:GetObjectVersion"
	}
	return "s3:GetObject"
}

func (l location) arn() string {
	if l.key == "" {
		return "arn:aws:s3:::" + l.bucket
	}
	return "arn:aws:s3:::" + l.bucket + "/" + l.key
}

// subresource is the query parameter that selects the operation.
func subresource(query url.Values) string {
	for name := range query {
		if !slices.Contains(parameters, name) && !strings.HasPrefix(name, "response-") {
			return name
		}
	}
	return ""
}

// unsignedQuery drops the parameters of a presigned URL.
func unsignedQuery(query url.Values) url.Values {
	for name := range query {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			query.Del(name)
		}
	}
	return query
}

// checkKey refuses the keys that S3 takes and a file system cannot hold.
func checkKey(key string) *apiError {
	if len(key) > 1024 {
		return &apiError{http.StatusBadRequest, "KeyTooLongError", "Your key is too long"}
	}
	segments := strings.Split(strings.TrimSuffix(key, "/"), "/")
	for _, segment := range segments {
		if key != "" && (segment == "" || segment == "." || segment == "..") {
			return notImplemented("the rehearsal's S3 cannot hold a key with an empty, \".\" or \"..\" segment")
		}
	}
	return nil
}

// writes tells whether the operation changes what readers see.
func (op *operation) writes() bool {
	switch op.name {
	case "PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects",
		"PutObjectTagging", "DeleteObjectTagging":
		return true
	}
	return false
}

// creates tells whether the operation makes a new object, and why, as the
// event's reason says it.
func (op *operation) creates() (reason string, ok bool) {
	switch op.name {
	case "PutObject", "CopyObject", "CompleteMultipartUpload":
		return op.name, true
	}
	return "", false
}
