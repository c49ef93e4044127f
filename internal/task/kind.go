package task

import (
	"context"
	"errors"
	"net"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tuneline/tuneline/internal/finetune"
)

// codes are the AWS error codes with a meaning of their own to the state
// machine. A step that knows better says so with a finetune.Error.
var codes = map[string]finetune.Kind{
	"ThrottlingException":           finetune.Throttled,
	"Throttling":                    finetune.Throttled,
	"TooManyRequestsException":      finetune.Throttled,
	"RequestLimitExceeded":          finetune.Throttled,
	"SlowDown":                      finetune.Throttled,
	"ModelNotReadyException":        finetune.Throttled,
	"ServiceUnavailableException":   finetune.Unavailable,
	"ServiceUnavailable":            finetune.Unavailable,
	"InternalServerException":       finetune.Unavailable,
	"InternalError":                 finetune.Unavailable,
	"ModelTimeoutException":         finetune.Unavailable,
	"RequestTimeout":                finetune.Unavailable,
	"ServiceQuotaExceededException": finetune.Busy,
	"AccessDeniedException":         finetune.AccessDenied,
	"AccessDenied":                  finetune.AccessDenied,
	// A HEAD is answered without a body: the SDK's word is the status then.
	"Forbidden":       finetune.AccessDenied,
	"TooManyRequests": finetune.Throttled,
}

// Kind returns the kind of err: its own if a step gave it one, else what the
// AWS error code or the lost connection means, else Internal.
func Kind(err error) finetune.Kind {
	if kind, ok := finetune.KindOf(err); ok {
		return kind
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if kind, ok := codes[api.ErrorCode()]; ok {
			return kind
		}
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= 500 {
		return finetune.Unavailable
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) {
		return finetune.Unavailable
	}
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return finetune.Unavailable
	}
	return finetune.Internal
}
