package bedrock

// handlers is the whole API the double serves: for each operation what its
// caller must be allowed and what it does.
func handlers() map[string]handler {
	onJob := on("jobIdentifier", (*Double).jobARN)
	onModel := on("modelIdentifier", (*Double).modelARN)
	onFoundation := on("modelIdentifier", (*Double).foundationModelARN)
	onDeployment := on("customModelDeploymentIdentifier", (*Double).deploymentARN)
	onThroughput := on("provisionedModelId", (*Double).throughputARN)
	return map[string]handler{
		"CreateModelCustomizationJob": {needsCreateJob, (*Double).createJob},
		"GetModelCustomizationJob":    {onJob, (*Double).getJob},
		"StopModelCustomizationJob":   {onJob, (*Double).stopJob},
		"ListModelCustomizationJobs":  {onAll, (*Double).listJobs},

		"GetFoundationModel":             {onFoundation, (*Double).getFoundationModel},
		"GetFoundationModelAvailability": {onAll, (*Double).getAvailability},
		"ListFoundationModels":           {onAll, (*Double).listFoundationModels},
		"GetCustomModel":                 {onModel, (*Double).getModel},
		"ListCustomModels":               {onAll, (*Double).listModels},
		"DeleteCustomModel":              {onModel, (*Double).deleteModel},

		"CreateProvisionedModelThroughput": {needsCreateThroughput, (*Double).createThroughput},
		"GetProvisionedModelThroughput":    {onThroughput, (*Double).getThroughput},
		"UpdateProvisionedModelThroughput": {needsUpdateThroughput, (*Double).updateThroughput},
		"DeleteProvisionedModelThroughput": {onThroughput, (*Double).deleteThroughput},
		"ListProvisionedModelThroughputs":  {onAll, (*Double).listThroughputs},

		"CreateCustomModelDeployment": {needsCreateDeployment, (*Double).createDeployment},
		"GetCustomModelDeployment":    {onDeployment, (*Double).getDeployment},
		"UpdateCustomModelDeployment": {needsUpdateDeployment, (*Double).updateDeployment},
		"DeleteCustomModelDeployment": {onDeployment, (*Double).deleteDeployment},
		"ListCustomModelDeployments":  {onAll, (*Double).listDeployments},

		"TagResource":         {needsTagResource, (*Double).tagResource},
		"UntagResource":       {needsTagResource, (*Double).untagResource},
		"ListTagsForResource": {needsTagResource, (*Double).listTags},

		opConverse:       {needsInvoke, (*Double).converse},
		opConverseStream: {needsInvoke, (*Double).converseStream},
		opInvokeModel:    {needsInvoke, (*Double).invokeModel},
		opInvokeStream:   {needsInvoke, (*Double).invokeStream},
	}
}

// The operations of the runtime.
const (
	opConverse       = "Converse"
	opConverseStream = "ConverseStream"
	opInvokeModel    = "InvokeModel"
	opInvokeStream   = "InvokeModelWithResponseStream"
)
