package preflight

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// checkLogRole looks at the role with which API Gateway logs, one for the
// account and Region. The stage has an access log, and API Gateway refuses one
// without such a role
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html).
func (l *look) checkLogRole(ctx context.Context) []Line {
	const name = "API log role"
	if l.stack.exists {
		return []Line{note(name, "not looked at: the stack was deployed with one")}
	}
	out, err := l.Gateway.GetAccount(ctx, &apigateway.GetAccountInput{})
	if err != nil {
		return []Line{unknown(name, "apigateway:GET on /account", err)}
	}
	role := aws.ToString(out.CloudwatchRoleArn)
	switch create := l.Config.API.CreateLogRole; {
	case create && role == "":
		return []Line{ok(name, "the account has none, and the stack makes it")}
	case create:
		line := note(name, "the account's APIs log with %s, which the stack replaces", role)
		line.Mend = l.setting("api", map[string]bool{"createLogRole": false}) + " to keep it"
		return []Line{line}
	case role == "":
		return []Line{fails(name, l.setting("api", map[string]bool{"createLogRole": true}), "the account's API Gateway has no role to log with, and api.createLogRole is false")}
	}
	return []Line{ok(name, "the account's APIs log with %s, which stays", role)}
}

// hoursAMonth is what AWS's own price examples take for a month of hours.
const hoursAMonth = 730

// checkPrice says what serving costs by the hour, as far as the price table
// knows.
func (l *look) checkPrice(context.Context) []Line {
	const name = "price"
	prices, err := catalog.LoadPrices()
	if err != nil {
		return []Line{unknown(name, "reading the price table", err)}
	}
	serving := l.Config.Settings().Serving
	serving.Mode = l.mode
	usd, known := prices.HourlyUSD(l.model.ID, l.Config.Region, serving)
	commitment := serving.Commitment
	if commitment == "" {
		commitment = "no commitment"
	}
	switch {
	case l.mode == finetune.ServeOnDemand:
		return []Line{note(name, "served on demand: nothing by the hour, tokens are billed")}
	case !known:
		return []Line{note(name, "%d model units of %s with %s are billed by the hour, used or not; the price is not in this version's table", serving.ModelUnits, l.model.ID, commitment)}
	}
	return []Line{note(name, "%d model units of %s with %s: $%.2f an hour, $%.0f in %d hours, used or not", serving.ModelUnits, l.model.ID, commitment, usd, usd*hoursAMonth, hoursAMonth)}
}

// badName is what cannot stand in a model's folder.
var badName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// checkDataset holds a data set's place against the rules on keys. Bedrock never
// gets the key itself, but that of the accepted copy, so its alphabet is told
// and not asked for.
func (l *look) checkDataset(context.Context) []Line {
	const name = "data set"
	bucket, key, line := l.place()
	if line.Check != "" {
		return []Line{line}
	}
	if ours := l.stack.outputs[outputBucket]; bucket != "" && ours != "" && bucket != ours {
		return []Line{fails(name, l.upload(ours, key), "bucket %s is not the stack's, and only an upload to %s starts a run", bucket, ours)}
	}
	if _, err := finetune.ModelName(key); err != nil {
		return []Line{fails(name, l.upload(bucket, key), "%q: %v", key, err)}
	}
	if strings.ContainsAny(key, `"\`) {
		return []Line{fails(name, l.upload(bucket, key), "%q: EventBridge does not escape a quotation mark or a backslash, so this upload may start nothing", key)}
	}
	for _, found := range dataset.CheckObjectKey(bucket, key) {
		if found.Code == dataset.CodeObjectKey || found.Code == dataset.CodeObjectKeyOnNova {
			return []Line{ok(name, "%s will do; of its own, Bedrock would refuse it, but it is given the accepted copy", key)}
		}
	}
	return []Line{ok(name, "%s will do", key)}
}

// place is where the data set is or will be; the line is set if that cannot be
// told. A file is taken for one that will be uploaded under its own name.
func (l *look) place() (bucket, key string, line Line) {
	if uri, isObject := strings.CutPrefix(l.Dataset, "s3://"); isObject {
		bucket, key, _ = strings.Cut(uri, "/")
		return bucket, key, Line{}
	}
	if strings.HasPrefix(l.Dataset, finetune.PrefixDatasets) {
		return "", l.Dataset, Line{}
	}
	if _, err := os.Stat(l.Dataset); err != nil {
		return "", "", fails("data set", "name a file, a key that begins with "+finetune.PrefixDatasets+", or an s3:// URI", "%q is no key and no file: %v", l.Dataset, err)
	}
	return "", finetune.PrefixDatasets + "MODEL/" + filepath.Base(l.Dataset), Line{}
}

// upload is a command that puts a data set where it starts a run, under names as
// near to its own as the rules allow.
func (l *look) upload(bucket, key string) string {
	if ours := l.stack.outputs[outputBucket]; ours != "" {
		bucket = ours
	}
	if bucket == "" {
		bucket = "BUCKET"
	}
	parts := strings.Split(strings.TrimPrefix(key, finetune.PrefixDatasets), "/")
	file := plain(strings.TrimSuffix(parts[len(parts)-1], filepath.Ext(parts[len(parts)-1])), "train")
	model := "MODEL"
	if len(parts) > 1 {
		model = plain(parts[0], model)
	}
	return "aws s3 cp FILE " + finetune.S3URI(bucket, finetune.PrefixDatasets+model+"/"+file+".jsonl") + l.inRegion()
}

// plain is a name with nothing but letters, digits and single hyphens.
func plain(name, otherwise string) string {
	name = strings.Trim(badName.ReplaceAllString(name, "-"), "-")
	if len(name) > finetune.MaxModelName {
		name = strings.Trim(name[:finetune.MaxModelName], "-")
	}
	if name == "" {
		return otherwise
	}
	return name
}
