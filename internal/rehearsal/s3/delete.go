package s3

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
)

// deleteList is the body of DeleteObjects.
type deleteList struct {
	Quiet   bool
	Objects []struct {
		Key       string
		VersionID string `xml:"VersionId"`
	} `xml:"Object"`
}

// deleteResult is its answer.
type deleteResult struct {
	XMLName xml.Name       `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedEntry `xml:"Deleted"`
	Errors  []deleteError  `xml:"Error"`
}

type deletedEntry struct {
	Key           string
	VersionID     string `xml:"VersionId,omitempty"`
	DeleteMarker  bool   `xml:",omitempty"`
	MarkerVersion string `xml:"DeleteMarkerVersionId,omitempty"`
}

type deleteError struct {
	Key, Code, Message string
	VersionID          string `xml:"VersionId,omitempty"`
}

// prepareDelete lists the permissions of DeleteObjects, one a key.
func (x *exchange) prepareDelete() *apiError {
	if x.op.name != "DeleteObjects" {
		return nil
	}
	list, err := x.deleteList()
	if err != nil || len(list.Objects) == 0 || len(list.Objects) > 1000 {
		return &apiError{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"}
	}
	for _, o := range list.Objects {
		action := "s3:DeleteObject"
		if o.VersionID != "" {
			action = "s3:DeleteObjectVersion"
		}
		x.op.needs = append(x.op.needs, need{action, location{bucket: x.op.bucket, key: o.Key}.arn()})
	}
	return nil
}

func (x *exchange) deleteList() (deleteList, error) {
	var list deleteList
	body, err := x.payload.open()
	if err != nil {
		return list, err
	}
	document, err := io.ReadAll(body)
	if err != nil {
		return list, fmt.Errorf("reading the keys to delete: %w", err)
	}
	if err := xml.Unmarshal(document, &list); err != nil {
		return list, fmt.Errorf("decoding the keys to delete: %w", err)
	}
	return list, nil
}

// deleteObjects deletes one key after the other, so that the books see each.
func (x *exchange) deleteObjects() answer {
	list, err := x.deleteList()
	if err != nil {
		return x.fail(fromError(err))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	ctx := context.WithoutCancel(x.r.Context())
	var result deleteResult
	for i, o := range list.Objects {
		var done deletedEntry
		var apiErr *apiError
		if denial := x.options.Log.Authorize(x.call(x.op.needs[i])); denial != nil {
			apiErr = accessDenied(denial.Message)
		} else {
			done, apiErr = x.deleteOne(ctx, o.Key, o.VersionID)
		}
		switch {
		case apiErr != nil:
			result.Errors = append(result.Errors, deleteError{Key: o.Key, VersionID: o.VersionID, Code: apiErr.code, Message: apiErr.message})
		case !list.Quiet:
			result.Deleted = append(result.Deleted, done)
		}
	}
	document, err := xml.Marshal(result)
	if err != nil {
		return x.fail(fromError(err))
	}
	return answerXML(http.StatusOK, document)
}

// deleteOne is DeleteObject within DeleteObjects.
func (x *exchange) deleteOne(ctx context.Context, key, version string) (deletedEntry, *apiError) {
	if apiErr := checkKey(key); apiErr != nil {
		return deletedEntry{}, apiErr
	}
	one := &exchange{Server: x.Server, r: x.r, requestID: x.requestID, op: operation{
		name: "DeleteObject", bucket: x.op.bucket, key: key, version: version,
	}}
	query := map[string][]string{}
	if version != "" {
		query["versionId"] = []string{version}
	}
	resp, err := x.gateway.do(ctx, gatewayRequest{method: http.MethodDelete, bucket: x.op.bucket, key: key, query: query})
	if err != nil {
		return deletedEntry{}, fromError(err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing in it is used
	a, err := one.adopt(ctx, resp)
	if err != nil {
		return deletedEntry{}, fromError(err)
	}
	if a.code != "" {
		return deletedEntry{}, &apiError{a.status, a.code, "the store refused to delete this key"}
	}
	done := deletedEntry{Key: key, VersionID: version}
	if a.header.Get("X-Amz-Delete-Marker") == "true" {
		done.DeleteMarker, done.MarkerVersion = true, a.header.Get("X-Amz-Version-Id")
	}
	return done, nil
}
