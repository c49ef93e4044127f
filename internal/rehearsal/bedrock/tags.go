package bedrock

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
)

// tagInput is TagResourceRequest and UntagResourceRequest together.
type tagInput struct {
	ResourceARN string   `json:"resourceARN"`
	Tags        []tag    `json:"tags"`
	TagKeys     []string `json:"tagKeys"`
}

func tagMap(tags []tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

func mergedTags(lists ...[]tag) map[string]string {
	merged := map[string]string{}
	for _, list := range lists {
		maps.Copy(merged, tagMap(list))
	}
	return merged
}

func (d *Double) setTags(arn string, tags []tag) {
	if len(tags) == 0 {
		return
	}
	if d.tags[arn] == nil {
		d.tags[arn] = map[string]string{}
	}
	maps.Copy(d.tags[arn], tagMap(tags))
}

// exists tells whether an ARN names a resource that can have tags.
func (d *Double) exists(arn string) bool {
	return d.findJob(arn) != nil || d.findModel(arn) != nil || d.findDeployment(arn) != nil || d.findThroughput(arn) != nil
}

func (d *Double) tagResource(rq *request) (any, *apiError) {
	var in tagInput
	if err := rq.in.Decode(&in); err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	if !d.exists(in.ResourceARN) {
		return nil, notFound("The resource could not be found")
	}
	all := maps.Clone(d.tags[in.ResourceARN])
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tagMap(in.Tags))
	if len(all) > maxTags {
		return nil, refuse("TooManyTagsException", "A resource can have at most %d tags.", maxTags)
	}
	d.tags[in.ResourceARN] = all
	return map[string]any{}, nil
}

func (d *Double) untagResource(rq *request) (any, *apiError) {
	var in tagInput
	if err := rq.in.Decode(&in); err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	if !d.exists(in.ResourceARN) {
		return nil, notFound("The resource could not be found")
	}
	for _, key := range in.TagKeys {
		delete(d.tags[in.ResourceARN], key)
	}
	return map[string]any{}, nil
}

func (d *Double) listTags(rq *request) (any, *apiError) {
	arn := rq.str("resourceARN")
	if !d.exists(arn) {
		return nil, notFound("The resource could not be found")
	}
	return map[string]any{"tags": tagList(d.tags[arn])}, nil
}

// knownToken returns what a clientRequestToken made before. The same token
// with other parameters answers the same resource and leaves a note, because
// what AWS does then is not documented.
func (d *Double) knownToken(rq *request, clientToken string, in any) (arn string, known bool) {
	t, known := d.tokens[rq.op.Name+" "+clientToken]
	if clientToken == "" || !known {
		return "", false
	}
	if t.digest != digestOf(in) {
		d.note("%s repeated the token of %s with other parameters; what AWS does then is unverified", rq.op.Name, t.arn)
	}
	return t.arn, true
}

// remember keeps what a clientRequestToken made.
func (d *Double) remember(rq *request, clientToken string, in any, arn string) {
	if clientToken != "" {
		d.tokens[rq.op.Name+" "+clientToken] = token{arn, digestOf(in)}
	}
}

func digestOf(in any) [sha256.Size]byte {
	raw, err := json.Marshal(in)
	if err != nil {
		panic(err) // the inputs are plain structs of strings
	}
	return sha256.Sum256(raw)
}
