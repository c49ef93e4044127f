package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/finetune"
)

// maxBody is Lambda's limit on a request, in bytes
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). The
// event is what is limited: a body that is a JSON string in it, with its
// quotation marks escaped, is refused by API Gateway somewhat below.
const maxBody = 6 << 20

// modelOf is the model that the path names. An encoded name is refused, though it
// could be decoded: whoever may ask which model was decided by the path as it
// stands, and no client encodes letters, digits and hyphens.
func modelOf(request *events.APIGatewayProxyRequest) (string, *failure) {
	model := request.PathParameters["model"]
	if err := finetune.CheckModelName(model); err != nil {
		return "", refuse(http.StatusBadRequest, validation, "the path names no model: "+err.Error())
	}
	return model, nil
}

// bodyOf is the request's body: text in UTF-8, which is what JSON is.
func bodyOf(request *events.APIGatewayProxyRequest) ([]byte, *failure) {
	if request.IsBase64Encoded {
		if base64.StdEncoding.DecodedLen(len(request.Body)) > maxBody+2 {
			return nil, tooLarge()
		}
		body, err := base64.StdEncoding.DecodeString(request.Body)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, serialization, "the body is not the base64 it is said to be")
		}
		return checked(body)
	}
	if len(request.Body) > maxBody {
		return nil, tooLarge()
	}
	if replaced(request) {
		return nil, notText()
	}
	return checked([]byte(request.Body))
}

// replaced says whether the body is not what the client sent: of a body that is
// no base64, API Gateway makes text, and puts U+FFFD in place of what is none. The
// character may stand there by right; then the body has the length that the
// client said.
func replaced(request *events.APIGatewayProxyRequest) bool {
	if !strings.ContainsRune(request.Body, utf8.RuneError) {
		return false
	}
	said := headerOf(request).Get("Content-Length")
	return said != "" && said != strconv.Itoa(len(request.Body))
}

func checked(body []byte) ([]byte, *failure) {
	switch {
	case len(body) > maxBody:
		return nil, tooLarge()
	case !utf8.Valid(body):
		return nil, notText()
	}
	return body, nil
}

func notText() *failure {
	return refuse(http.StatusBadRequest, serialization, "the body must be JSON in UTF-8, and it is no UTF-8")
}

func tooLarge() *failure {
	return refuse(http.StatusRequestEntityTooLarge, validation, fmt.Sprintf("the body is larger than %d MB, which is all that can be passed on; send less, such as fewer or smaller images", maxBody>>20))
}

// guardrailHeaders begins the names of InvokeModel's headers about a guardrail,
// in Go's canonical form.
const guardrailHeaders = "X-Amzn-Bedrock-Guardrail"

// checkHeader refuses a guardrail of the caller's own, and what cannot be sent.
func checkHeader(request *events.APIGatewayProxyRequest) *failure {
	for name, values := range request.MultiValueHeaders {
		name = http.CanonicalHeaderKey(name)
		if strings.HasPrefix(name, guardrailHeaders) {
			return refuse(http.StatusBadRequest, validation, "the header "+name+" has no place in the request: "+guardrailIsOurs)
		}
		if strings.HasPrefix(name, answerPrefix) || name == "Accept" || name == "Content-Type" {
			for _, value := range values {
				if strings.ContainsFunc(value, isControl) {
					return refuse(http.StatusBadRequest, validation, "the header "+name+" holds a control character")
				}
			}
		}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
