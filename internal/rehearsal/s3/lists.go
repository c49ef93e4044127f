package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/versity/versitygw/s3response"
)

// rewriteList puts virtual time into a listing.
func (x *exchange) rewriteList(a answer) (answer, error) {
	body, err := drain(a.body)
	if err != nil {
		return a, err
	}
	var list any
	switch x.op.name {
	case "ListObjects":
		result := &s3response.ListObjectsResult{}
		list, err = result, xml.Unmarshal(body, result)
		x.dateObjects(result.Contents)
	case "ListObjectsV2":
		result := &s3response.ListObjectsV2Result{}
		list, err = result, xml.Unmarshal(body, result)
		x.dateObjects(result.Contents)
	default:
		result := &s3response.ListVersionsResult{}
		list, err = result, xml.Unmarshal(body, result)
		x.dateVersions(result)
	}
	if err != nil {
		return a, fmt.Errorf("decoding the gateway's list: %w", err)
	}
	document, err := xml.Marshal(list)
	if err != nil {
		return a, fmt.Errorf("encoding the list: %w", err)
	}
	return withBody(a, append([]byte(xml.Header), document...)), nil
}

func (x *exchange) dateObjects(objects []s3response.Object) {
	for i := range objects {
		objects[i].LastModified = x.date(objects[i].Key, nil, objects[i].LastModified)
	}
}

func (x *exchange) dateVersions(list *s3response.ListVersionsResult) {
	for i := range list.Versions {
		v := &list.Versions[i]
		v.LastModified = x.date(v.Key, v.VersionId, v.LastModified)
	}
	for i := range list.DeleteMarkers {
		m := &list.DeleteMarkers[i]
		m.LastModified = x.date(m.Key, m.VersionId, m.LastModified)
	}
}

// date is the version's own time; a key the front never stored keeps the
// store's, which happens to folders a key implies.
func (x *exchange) date(key, version *string, storeTime *time.Time) *time.Time {
	if key == nil {
		return storeTime
	}
	name, id := *key, ""
	if x.op.query.Get("encoding-type") == "url" {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
	}
	if version != nil {
		id = *version
	}
	if s, ok := x.versions.find(x.op.bucket, name, id); ok {
		return &s.at
	}
	return storeTime
}

// describeBucket answers what the bucket's own configuration says.
func (x *exchange) describeBucket() answer {
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`
	switch x.op.name {
	case "GetBucketLocation":
		region := x.options.Region
		if region == "us-east-1" { // whose LocationConstraint is null
			region = ""
		}
		return answerXML(http.StatusOK, []byte("<LocationConstraint"+ns+region+"</LocationConstraint>"))
	case "GetBucketVersioning":
		return answerXML(http.StatusOK, []byte("<VersioningConfiguration"+ns+"<Status>Enabled</Status></VersioningConfiguration>"))
	}
	return answerXML(http.StatusOK, []byte("<ServerSideEncryptionConfiguration"+ns+"<Rule><ApplyServerSideEncryptionByDefault>"+
		"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>"+x.options.KeyARN+"</KMSMasterKeyID>"+
		"</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"))
}
