package awsmodel

import (
	"net/url"
	"strings"
)

// Route finds the operation of a request. path is the escaped path
// (URL.EscapedPath): an identifier may hold an escaped slash, which must not
// be taken for a separator. The labels are the unescaped path parameters by
// name. ok is false when no operation has this method and path.
func (s *Service) Route(method, path string) (op *Operation, labels map[string]string, ok bool) {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, op := range s.operations {
		if op.method != method {
			continue
		}
		if labels, ok := op.match(segments); ok {
			return op, labels, true
		}
	}
	return nil, nil, false
}

// match compares the path's segments with the operation's, a label standing
// for exactly one non-empty segment.
func (o *Operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.segments) {
		return nil, false
	}
	labels := map[string]string{}
	for i, want := range o.segments {
		got, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, false
		}
		name, isLabel := strings.CutPrefix(want, "{")
		switch {
		case isLabel && got != "":
			labels[strings.TrimSuffix(name, "}")] = got
		case got != want:
			return nil, false
		}
	}
	return labels, true
}
