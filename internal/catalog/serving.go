package catalog

import (
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Serving says how a custom model made from a base model can be served.
type Serving struct {
	// OnDemandDeployment: CreateCustomModelDeployment takes it; billed by the token.
	OnDemandDeployment bool `json:"onDemandDeployment"`
	// ProvisionedThroughput: CreateProvisionedModelThroughput takes it; billed by the hour.
	ProvisionedThroughput bool `json:"provisionedThroughput"`
}

// ServingFor turns a configured serving mode (finetune.ServeAuto,
// ServeOnDemand or ServeProvisioned) into the one to use. Auto prefers an
// on-demand deployment, since that needs no granted model units and costs
// nothing while nobody asks.
func (m *BaseModel) ServingFor(mode string) (string, error) {
	switch {
	case mode == finetune.ServeAuto && m.Serving.OnDemandDeployment:
		return finetune.ServeOnDemand, nil
	case mode == finetune.ServeAuto && m.Serving.ProvisionedThroughput:
		return finetune.ServeProvisioned, nil
	case mode == finetune.ServeOnDemand && m.Serving.OnDemandDeployment,
		mode == finetune.ServeProvisioned && m.Serving.ProvisionedThroughput:
		return mode, nil
	}
	return "", fmt.Errorf("serving mode %q is not possible for base model %s: allowed are %s", mode, m.ID, strings.Join(m.servingModes(), ", "))
}

// servingModes lists what ServingFor accepts.
func (m *BaseModel) servingModes() []string {
	modes := []string{finetune.ServeAuto}
	if m.Serving.OnDemandDeployment {
		modes = append(modes, finetune.ServeOnDemand)
	}
	if m.Serving.ProvisionedThroughput {
		modes = append(modes, finetune.ServeProvisioned)
	}
	return modes
}
