package guard

import (
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// written is a call with its action as policies are compared with it here: the
// service in lower case. IAM takes no heed of case in an action's name at all, which
// is the evaluator's to know.
func written(c calls.Call) calls.Call {
	if service, name, ok := strings.Cut(c.Action, ":"); ok {
		c.Action = strings.ToLower(service) + ":" + name
	}
	return c
}

// said is what a call says of a condition key, whose name has no case.
func said(c calls.Call, key string) string {
	for name, value := range c.Context {
		if strings.EqualFold(name, key) {
			return value
		}
	}
	return ""
}

// via is the service that makes a call in its caller's name, as a principal; "" for
// what a caller or a service does for itself. Of the services here only KMS is called
// so, and each such call names the service for KMS.
func via(c calls.Call) string {
	service, _, _ := strings.Cut(said(c, "kms:ViaService"), ".")
	if service == "" || c.Principal.Service != "" {
		return ""
	}
	return service + ".amazonaws.com"
}

// resourceAccount is the account of what a call is about, where a call of the service
// has it: that of the ARN, and of S3, whose ARNs name none, that of a bucket of the
// stack; "" if it is not known.
func (g *Guard) resourceAccount(c calls.Call) string {
	const accountPart = 4
	switch parts := strings.Split(c.Resource, ":"); {
	case strings.HasPrefix(c.Action, "kms:") && len(parts) > accountPart:
		return parts[accountPart]
	case strings.HasPrefix(c.Action, "s3:"):
		for _, b := range g.options.Stack.Buckets {
			if b.ARN == resourceOf(c) {
				return g.options.Stack.AccountID
			}
		}
	}
	return ""
}
