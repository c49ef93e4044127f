package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
)

// validate prints what asl-validator has against each definition, as findings.
const validate = `
const [pkg, ...files] = process.argv.slice(1);
const validate = require(pkg);
const found = files.flatMap((file) => {
  const { errors } = (validate.default ?? validate)(JSON.parse(require("fs").readFileSync(file, "utf8")));
  return errors.map((e) => ({ Rule: e["Error code"], Resource: require("path").basename(file), Message: e.Message }));
});
console.log(JSON.stringify(found));
`

// StateMachines holds definitions of state machines, files in JSON, against
// asl-validator, with node and the npm package.
func StateMachines(ctx context.Context, node, pkg string, files []string) ([]Finding, error) {
	pkg, err := filepath.Abs(pkg)
	if err != nil {
		return nil, err
	}
	out, err := output(ctx, nil, node, append([]string{"-e", validate, pkg}, files...)...)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("reading what asl-validator found: %w", err)
	}
	return found, nil
}
