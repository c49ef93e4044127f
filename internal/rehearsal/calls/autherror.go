package calls

import (
	"errors"
	"fmt"
	"net/http"
)

// What Verify refuses a request for. A front answers with the AWS code that
// AuthCode names for it.
var (
	// ErrUnsigned is returned for a request without a signature.
	ErrUnsigned = errors.New("request is not signed")
	// ErrMalformed: there is a signature, but not one AWS could read.
	ErrMalformed = errors.New("signature is malformed")
	// ErrUnknownKey: the access key id was never issued.
	ErrUnknownKey = errors.New("access key id is unknown")
	// ErrToken: the session token is missing or is not this key's.
	ErrToken = errors.New("session token is invalid")
	// ErrTokenExpired: the credentials are over.
	ErrTokenExpired = errors.New("session token is expired")
	// ErrScope: signed for another service, region or day.
	ErrScope = errors.New("credential scope is wrong")
	// ErrUnsignedHeader: a header that must be signed is not.
	ErrUnsignedHeader = errors.New("header is not signed")
	// ErrSkewed: the date is more than 15 minutes from the real time.
	ErrSkewed = errors.New("request date is skewed")
	// ErrURLExpired: a presigned URL used after its time.
	ErrURLExpired = errors.New("presigned URL is expired")
	// ErrSignature: the signature is not that of this request.
	ErrSignature = errors.New("signature does not match")
	// ErrBodyHash: the body is not the one whose hash was signed.
	ErrBodyHash = errors.New("body does not match its signed hash")
)

// AuthError is a refused signature: Unwrap gives the reason, Message the
// sentence AWS would answer with.
type AuthError struct {
	Reason  error
	Message string
}

// Error gives the reason and the message.
func (e *AuthError) Error() string { return e.Reason.Error() + ": " + e.Message }

// Unwrap returns the reason, one of the Err values of this package.
func (e *AuthError) Unwrap() error { return e.Reason }

func refuse(reason error, format string, args ...any) error {
	return &AuthError{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// authCode is how AWS spells one reason: S3 has its own codes (S3 API
// Reference, "Error responses"), the JSON services share the others ("Common
// Error Types" of each API reference).
type authCode struct {
	reason   error
	s3Status int
	s3       string
	status   int
	json     string
}

var authCodes = []authCode{
	{ErrUnsigned, http.StatusForbidden, "AccessDenied", http.StatusForbidden, "MissingAuthenticationTokenException"},
	{ErrMalformed, http.StatusBadRequest, "AuthorizationHeaderMalformed", http.StatusForbidden, "IncompleteSignatureException"},
	{ErrUnknownKey, http.StatusForbidden, "InvalidAccessKeyId", http.StatusForbidden, "UnrecognizedClientException"},
	{ErrToken, http.StatusBadRequest, "InvalidToken", http.StatusForbidden, "UnrecognizedClientException"},
	{ErrTokenExpired, http.StatusBadRequest, "ExpiredToken", http.StatusForbidden, "ExpiredTokenException"},
	{ErrScope, http.StatusBadRequest, "AuthorizationHeaderMalformed", http.StatusForbidden, "InvalidSignatureException"},
	{ErrUnsignedHeader, http.StatusForbidden, "AccessDenied", http.StatusForbidden, "InvalidSignatureException"},
	{ErrSkewed, http.StatusForbidden, "RequestTimeTooSkewed", http.StatusForbidden, "InvalidSignatureException"},
	{ErrURLExpired, http.StatusForbidden, "AccessDenied", http.StatusForbidden, "InvalidSignatureException"},
	{ErrSignature, http.StatusForbidden, "SignatureDoesNotMatch", http.StatusForbidden, "InvalidSignatureException"},
	{ErrBodyHash, http.StatusBadRequest, "XAmzContentSHA256Mismatch", http.StatusForbidden, "InvalidSignatureException"},
}

// AuthCode returns the HTTP status, error code and message that the service
// answers a request with that Verify refused with err. The services of the
// JSON protocols answer 400 where this says 403 for awsJson1.x (kms, states);
// a front of those passes its own status.
func AuthCode(err error, service string) (status int, code, message string) {
	message = "Missing Authentication Token"
	var refused *AuthError
	if errors.As(err, &refused) {
		message = refused.Message
	}
	for _, c := range authCodes {
		if !errors.Is(err, c.reason) {
			continue
		}
		if service == "s3" {
			return c.s3Status, c.s3, message
		}
		return c.status, c.json, message
	}
	return http.StatusInternalServerError, "InternalFailure", err.Error()
}
