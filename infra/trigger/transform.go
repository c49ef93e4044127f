package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"
)

// fields is name → JSON path of a field in an event. The name in angle brackets
// is what stands for the field in a value that is to be transformed.
type fields map[string]string

// field is the placeholder of a field.
func field(name string) string { return "<" + name + ">" }

// transformer makes an event into value, whose strings may be placeholders. A
// placeholder stands without quotes in the template: EventBridge adds those
// itself (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html).
// AWS says too that it escapes nothing; so a key with a quotation mark in it may
// end in the dead-letter queue, where the alarm shows it.
func transformer(value any, paths fields) *awsevents.CfnRule_InputTransformerProperty {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("encoding the input of a rule's target: %v", err))
	}
	template := strings.TrimSpace(text.String())
	for name := range paths {
		quoted := `"` + field(name) + `"`
		if strings.Count(template, quoted) != 1 {
			panic(fmt.Sprintf("the input of a rule's target must hold %s once: %s", quoted, template))
		}
		template = strings.Replace(template, quoted, field(name), 1)
	}
	return &awsevents.CfnRule_InputTransformerProperty{
		InputPathsMap: map[string]string(paths),
		InputTemplate: jsii.String(template),
	}
}
