package cloudwatch

import (
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// members are the members of GetMetricStatisticsInput, and whether each is
// required (API model of CloudWatch 2010-08-01).
var members = map[string]bool{
	"Namespace": true, "MetricName": true, "StartTime": true, "EndTime": true, "Period": true,
	"Dimensions": false, "Statistics": false, "ExtendedStatistics": false, "Unit": false,
}

// readQuery reads and checks a request.
func readQuery(body []byte) (query, *failure) {
	var q query
	value, err := cbor.Decode(body)
	in, isMap := value.(cbor.Map)
	if err != nil || !isMap {
		return q, refuse("SerializationException", "the request is no CBOR map: %v", err)
	}
	for name := range in {
		if _, known := members[name]; !known {
			return q, refuse("SerializationException", "GetMetricStatistics has no member %s", name)
		}
	}
	for name, required := range members {
		if required && in[name] == nil {
			return q, refuse("MissingParameter", "The parameter %s is required.", name)
		}
	}
	start, startErr := cbor.AsTime(in["StartTime"])
	end, endErr := cbor.AsTime(in["EndTime"])
	seconds, periodErr := cbor.AsInt32(in["Period"])
	if startErr != nil || endErr != nil || periodErr != nil {
		return q, refuse("SerializationException", "StartTime and EndTime must be times, Period a number")
	}
	q.start, q.end, q.period = start.UTC(), end.UTC(), time.Duration(seconds)*time.Second
	if fail := q.check(seconds); fail != nil {
		return q, fail
	}
	if in["Namespace"] != cbor.String("AWS/Bedrock") || in["MetricName"] != cbor.String("Invocations") || !only(in["Statistics"], "Sum") {
		return q, refuse("InvalidParameterValue", "the rehearsal has the Sum of Invocations in AWS/Bedrock and no other metric")
	}
	return q, q.readModel(in["Dimensions"])
}

// check is what CloudWatch asks of the times.
func (q query) check(seconds int32) *failure {
	switch {
	case seconds < 60 || seconds%60 != 0:
		return refuse("InvalidParameterValue", "The parameter Period must be a value greater than or equal to 60 that is a multiple of 60.")
	case !q.start.Before(q.end):
		return refuse("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
	case q.end.Sub(q.start)/q.period > maxPoints:
		return refuse("InvalidParameterCombination", "You have requested up to %d datapoints, which exceeds the limit of %d.", q.end.Sub(q.start)/q.period, maxPoints)
	}
	return nil
}

// only says whether a list holds one text and no other.
func only(value cbor.Value, text string) bool {
	list, _ := value.(cbor.List)
	return len(list) == 1 && list[0] == cbor.String(text)
}

// readModel reads the one dimension there is.
func (q *query) readModel(value cbor.Value) *failure {
	list, _ := value.(cbor.List)
	if len(list) == 1 {
		dimension, _ := list[0].(cbor.Map)
		if model, ok := dimension["Value"].(cbor.String); ok && dimension["Name"] == cbor.String("ModelId") {
			q.model = string(model)
			return nil
		}
	}
	return refuse("InvalidParameterValue", "the rehearsal has Invocations by the dimension ModelId only")
}
