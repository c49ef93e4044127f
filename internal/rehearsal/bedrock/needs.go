package bedrock

import (
	"maps"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// need is one thing a caller must be allowed for a request: an IAM action on
// a resource, with the condition keys that belong to it.
type need struct {
	action   string
	resource string
	context  map[string]string
}

// iamAction is the IAM action of an operation; the runtime's operations share
// two.
func iamAction(operation string) string {
	switch operation {
	case opConverse:
		return "bedrock:InvokeModel"
	case opConverseStream:
		return "bedrock:InvokeModelWithResponseStream"
	}
	return "bedrock:" + operation
}

// withTags adds the tags of what Bedrock calls are about.
func (d *Double) withTags(needs []need) []need {
	for i, n := range needs {
		if !strings.HasPrefix(n.action, "bedrock:") {
			continue
		}
		keys := maps.Clone(n.context)
		if keys == nil {
			keys = map[string]string{}
		}
		for key, value := range d.tags[n.resource] {
			keys["aws:ResourceTag/"+key] = value
		}
		needs[i].context = keys
	}
	return needs
}

// on makes the needs function of an operation that touches the one resource
// its identifier names.
func on(member string, arn func(*Double, string) string) func(*Double, *request) []need {
	return func(d *Double, rq *request) []need {
		return []need{{action: iamAction(rq.op.Name), resource: arn(d, rq.str(member))}}
	}
}

// onAll is for operations without resource-level permissions.
func onAll(_ *Double, rq *request) []need {
	return []need{{action: iamAction(rq.op.Name), resource: "*"}}
}

// The ARN an identifier stands for. An identifier that names nothing yields
// the ARN it would have.

func (d *Double) jobARN(identifier string) string {
	if j := d.findJob(identifier); j != nil {
		return j.ARN
	}
	return d.asARN("model-customization-job", identifier)
}

func (d *Double) modelARN(identifier string) string {
	if m := d.findModel(identifier); m != nil {
		return m.ARN
	}
	return d.asARN("custom-model", identifier)
}

func (d *Double) deploymentARN(identifier string) string {
	if p := d.findDeployment(identifier); p != nil {
		return p.ARN
	}
	return d.asARN("custom-model-deployment", identifier)
}

func (d *Double) throughputARN(identifier string) string {
	if t := d.findThroughput(identifier); t != nil {
		return t.ARN
	}
	return d.asARN("provisioned-model", identifier)
}

func (d *Double) foundationModelARN(identifier string) string {
	_, id, isARN := strings.Cut(identifier, "foundation-model/")
	if !isARN {
		id = identifier
	}
	return d.foundationARN(id)
}

func (d *Double) asARN(kind, identifier string) string {
	if strings.HasPrefix(identifier, "arn:") {
		return identifier
	}
	return d.arn(kind, identifier)
}

// taggedContext is the condition keys of tags in a request. aws:TagKeys has
// several values; they are joined by commas, which no tag key of the API can
// hold.
func taggedContext(tags map[string]string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	keys := map[string]string{"aws:TagKeys": strings.Join(slices.Sorted(maps.Keys(tags)), ",")}
	for key, value := range tags {
		keys["aws:RequestTag/"+key] = value
	}
	return keys
}

// tagging is the need for TagResource that tags at creation bring.
func tagging(resource string, tags map[string]string) []need {
	if len(tags) == 0 {
		return nil
	}
	return []need{{action: "bedrock:TagResource", resource: resource, context: taggedContext(tags)}}
}

func needsCreateJob(d *Double, rq *request) []need {
	var in createJobInput
	if err := rq.in.Decode(&in); err != nil {
		return onAll(d, rq)
	}
	base := d.foundationARN(in.BaseModelIdentifier)
	if b, _, refused := d.resolveBase(in.BaseModelIdentifier); refused == nil {
		base = d.foundationARN(b.ID)
	}
	_, baseID, _ := strings.Cut(base, "foundation-model/")
	jobARN := d.arn("model-customization-job", baseID+"/"+rq.id)
	modelARN := d.arn("custom-model", baseID+"/"+rq.modelID)
	tags := taggedContext(mergedTags(in.JobTags, in.CustomModelTags))
	needs := []need{
		{rq.action(), jobARN, tags},
		{rq.action(), modelARN, tags},
		{rq.action(), base, tags},
		{"iam:PassRole", in.RoleARN, map[string]string{"iam:PassedToService": "bedrock.amazonaws.com"}},
	}
	needs = append(needs, tagging(jobARN, tagMap(in.JobTags))...)
	needs = append(needs, tagging(modelARN, tagMap(in.CustomModelTags))...)
	return append(needs, d.keyNeeds(in.KMSKey, "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")...)
}

// keyNeeds is what a caller must be allowed on a customer managed key, which
// Bedrock uses in the caller's name.
func (d *Double) keyNeeds(key string, actions ...string) []need {
	if key == "" {
		return nil
	}
	if !strings.HasPrefix(key, "arn:") {
		if !strings.HasPrefix(key, "alias/") {
			key = "key/" + key
		}
		key = "arn:aws:kms:" + d.o.Region + ":" + d.o.AccountID + ":" + key
	}
	var needs []need
	for _, action := range actions {
		keys := map[string]string{"kms:ViaService": "bedrock." + d.o.Region + ".amazonaws.com"}
		if action == "kms:CreateGrant" {
			keys["kms:GrantIsForAWSResource"] = "true"
		}
		needs = append(needs, need{action, key, keys})
	}
	return needs
}

func (rq *request) action() string { return iamAction(rq.op.Name) }

func needsCreateThroughput(d *Double, rq *request) []need {
	var in createThroughputInput
	if err := rq.in.Decode(&in); err != nil {
		return onAll(d, rq)
	}
	tags := taggedContext(tagMap(in.Tags))
	needs := d.onModelAndBase(rq, in.ModelID, tags)
	needs = append(needs, tagging(d.arn("provisioned-model", rq.id), tagMap(in.Tags))...)
	return append(needs, d.modelKeyNeeds(in.ModelID)...)
}

// onModelAndBase needs the action on a custom model and the foundation model
// it was made of, or on the foundation model alone.
func (d *Double) onModelAndBase(rq *request, identifier string, keys map[string]string) []need {
	if m := d.findModel(identifier); m != nil {
		return []need{{rq.action(), m.ARN, keys}, {rq.action(), d.foundationARN(m.base.ID), keys}}
	}
	if base, ok := d.baseModel(identifier); ok {
		return []need{{rq.action(), d.foundationARN(base.ID), keys}}
	}
	return []need{{rq.action(), d.modelARN(identifier), keys}}
}

func (d *Double) modelKeyNeeds(identifier string) []need {
	if m := d.findModel(identifier); m != nil {
		return d.keyNeeds(m.KMSKey, "kms:Decrypt")
	}
	return nil
}

func needsUpdateThroughput(d *Double, rq *request) []need {
	needs := []need{{action: rq.action(), resource: d.throughputARN(rq.str("provisionedModelId"))}}
	if desired := rq.str("desiredModelId"); desired != "" {
		needs = append(needs, d.onModelAndBase(rq, desired, nil)...)
		needs = append(needs, d.modelKeyNeeds(desired)...)
	}
	return needs
}

func needsCreateDeployment(d *Double, rq *request) []need {
	var in createDeploymentInput
	if err := rq.in.Decode(&in); err != nil {
		return onAll(d, rq)
	}
	needs := []need{{rq.action(), d.modelARN(in.ModelARN), taggedContext(tagMap(in.Tags))}}
	needs = append(needs, tagging(d.arn("custom-model-deployment", rq.id), tagMap(in.Tags))...)
	return append(needs, d.modelKeyNeeds(in.ModelARN)...)
}

func needsUpdateDeployment(d *Double, rq *request) []need {
	needs := []need{
		{action: rq.action(), resource: d.deploymentARN(rq.str("customModelDeploymentIdentifier"))},
		{action: rq.action(), resource: d.modelARN(rq.str("modelArn"))},
	}
	return append(needs, d.modelKeyNeeds(rq.str("modelArn"))...)
}

func needsTagResource(d *Double, rq *request) []need {
	var in tagInput
	if err := rq.in.Decode(&in); err != nil {
		return onAll(d, rq)
	}
	tags := tagMap(in.Tags)
	for _, key := range in.TagKeys {
		tags[key] = ""
	}
	keys := taggedContext(tags)
	for _, key := range in.TagKeys {
		delete(keys, "aws:RequestTag/"+key) // UntagResource carries keys only
	}
	return []need{{rq.action(), in.ResourceARN, keys}}
}

// needsInvoke is what inference needs on the model, deployment or throughput,
// and on the guardrail it names.
func needsInvoke(d *Double, rq *request) []need {
	identifier := rq.str("modelId")
	needs := d.guardNeeds(rq, []need{{action: rq.action(), resource: d.invokedARN(identifier)}})
	if t := d.findThroughput(identifier); t != nil {
		return append(needs, d.modelKeyNeeds(t.ModelARN)...)
	}
	if p := d.findDeployment(identifier); p != nil {
		return append(needs, d.modelKeyNeeds(p.ModelARN)...)
	}
	return needs
}

// invokedARN is the resource of an inference call: throughputs and deployments
// are called by ARN, anything else is a foundation model's id.
func (d *Double) invokedARN(identifier string) string {
	if strings.HasPrefix(identifier, "arn:") {
		return identifier
	}
	return d.foundationARN(identifier)
}

// principalOfRole names a service role by the last part of its ARN.
func principalOfRole(arn string) calls.Principal {
	return calls.Principal{Role: arn[strings.LastIndexByte(arn, '/')+1:], ARN: arn}
}
