package s3

import (
	"net/http"
	"strings"
	"time"
)

// stored is what the front knows of one version of an object.
type stored struct {
	version string // "" for a folder object, which the store does not version
	etag    string // quoted
	at      time.Time
	marker  bool // a delete marker
}

// versions keeps the versions of every bucket and key, oldest first.
type versions map[location][]stored

// add appends the newest version; an unversioned one replaces itself.
func (v versions) add(bucket, key string, s stored) {
	at := location{bucket: bucket, key: key}
	v.remove(bucket, key, s.version)
	v[at] = append(v[at], s)
}

func (v versions) remove(bucket, key, version string) {
	at := location{bucket: bucket, key: key}
	kept := v[at][:0:0]
	for _, s := range v[at] {
		if s.version != version {
			kept = append(kept, s)
		}
	}
	v[at] = kept
}

// find returns one version, or the newest when version is empty; a delete
// marker counts as a version but is no object.
func (v versions) find(bucket, key, version string) (stored, bool) {
	all := v[location{bucket: bucket, key: key}]
	for i := len(all) - 1; i >= 0; i-- {
		if version == "" || all[i].version == version {
			return all[i], true
		}
	}
	return stored{}, false
}

// current returns the object a plain GET would get.
func (v versions) current(bucket, key string) (stored, bool) {
	s, ok := v.find(bucket, key, "")
	return s, ok && !s.marker
}

// checkWrite evaluates If-None-Match and If-Match of a write ("Conditional
// writes", S3 User Guide). The lock that the caller holds makes condition and
// write one step, so of several writers that race all but one get 412; S3
// itself may answer some of them 409, which a scenario can inject.
func (x *exchange) checkWrite() *apiError {
	if x.op.name == "CopyObject" && x.source() == (location{bucket: x.op.bucket, key: x.op.key}) {
		return notImplemented("the rehearsal's S3 does not copy an object's current version onto itself")
	}
	match, noneMatch := x.r.Header.Get("If-Match"), x.r.Header.Get("If-None-Match")
	if match == "" && noneMatch == "" {
		return nil
	}
	_, creates := x.op.creates()
	known := creates || x.op.name == "DeleteObject" && noneMatch == ""
	if !known || match != "" && noneMatch != "" || noneMatch != "" && noneMatch != "*" {
		return notImplemented("A header you provided implies functionality that is not implemented")
	}
	current, exists := x.versions.current(x.op.bucket, x.op.key)
	return evaluate(match, current.etag, exists)
}

// evaluate holds a write's condition against the object there is: match is an
// ETag, or "*" for any, or empty when there must be none.
func evaluate(match, etag string, exists bool) *apiError {
	switch {
	case match == "" && exists:
		return preconditionFailed()
	case match == "":
		return nil
	case !exists:
		return &apiError{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	case match != "*" && strings.Trim(match, `"`) != strings.Trim(etag, `"`):
		return preconditionFailed()
	}
	return nil
}

func preconditionFailed() *apiError {
	return &apiError{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
}

// source is the copied object, as no version when it is the current one.
func (x *exchange) source() location {
	if x.op.source == nil {
		return location{}
	}
	src := *x.op.source
	if current, ok := x.versions.current(src.bucket, src.key); ok && current.version == src.version {
		src.version = ""
	}
	return src
}

// checkRead evaluates the date conditions of a read, in virtual time; the
// gateway evaluates the ETag conditions, which take precedence.
func (x *exchange) checkRead() *answer {
	h := x.r.Header
	s, ok := x.versions.find(x.op.bucket, x.op.key, x.op.version)
	if !ok || s.marker || x.op.name != "GetObject" && x.op.name != "HeadObject" {
		return nil
	}
	if since, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && h.Get("If-None-Match") == "" && !s.at.After(since) {
		return &answer{status: http.StatusNotModified, header: http.Header{"Etag": {s.etag}, "Last-Modified": {s.at.Format(http.TimeFormat)}}}
	}
	if since, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && h.Get("If-Match") == "" && s.at.After(since) {
		a := x.fail(preconditionFailed())
		return &a
	}
	return nil
}
