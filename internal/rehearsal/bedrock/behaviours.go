package bedrock

// Behaviour is one thing the double takes for AWS's behaviour.
type Behaviour struct {
	// ID names it; ids that begin with "key " are condition keys.
	ID string
	// What says what the double does.
	What string
	// Source is AWS's page or API shape, or begins with "unverified".
	Source string
}

// Sources that several behaviours share.
const (
	apiModel   = "API model of bedrock 2023-04-20"
	rtModel    = "API model of bedrock-runtime 2023-09-30"
	guide      = "Bedrock User Guide: "
	sar        = "Service Authorization Reference: Amazon Bedrock"
	unverified = "unverified"
)

// Behaviours lists what the double takes for AWS's behaviour, each with its
// source or the word unverified.
var Behaviours = []Behaviour{
	{"request shapes", "Members are checked for presence, type, pattern, enum, length and range before anything takes effect", apiModel + "; " + rtModel},
	{"unknown members", "A member or query parameter the API model does not know is refused with ValidationException", unverified + ": AWS may ignore it; refusing finds misspellings"},
	{"anchored patterns", "A pattern means the whole value", unverified + ": the models do not say so, published refusals agree"},
	{"error statuses", "Errors carry x-amzn-ErrorType and the HTTP status the model gives them; Conflict and ServiceQuotaExceeded are 400, ModelNotReady is 429", apiModel + "; " + rtModel},
	{"signature", "A request without a valid Signature Version 4 is refused with 403 before it is validated", "IAM User Guide: Signature Version 4; the order is " + unverified},
	{"no endpoint", "A caller inside the VPC gets no answer from a service the VPC has no interface endpoint for", guide + "vpc-interface-endpoints"},

	{"job ARN", "arn:aws:bedrock:<region>:<account>:model-customization-job/<base model id>/<12 letters and digits>", apiModel},
	{"job stages", "A job is InProgress through validation, dataProcessing and training, each with status and times in statusDetails", guide + "model-customization-monitor; that every job has statusDetails is " + unverified},
	{"job duration", "Ten virtual minutes each for validation and data processing, then 40 minutes of training or 0.36 s for each record and epoch", unverified + ": AWS says hours; samples report one to two"},
	{"job stop", "A job that is InProgress turns Stopping, then Stopped; it makes no model and cannot resume; stopping it in another status is a ConflictException", guide + "model-customization-stop; the error is " + unverified},
	{"job name conflict", "A job or custom model name in use is refused with ConflictException", unverified + ": inferred from the errors the operation lists"},
	{"token", "A repeated clientRequestToken answers the resource it made before and changes nothing", apiModel},
	{"token with other parameters", "The same, and a note is kept", unverified},
	{"token lifetime", "Tokens are remembered for the whole rehearsal", unverified},
	{"base model lookup", "An id that the Region's catalogue lacks is refused with ValidationException", unverified + ": the model also lists ResourceNotFoundException"},
	{"legacy base model", "A base model in Legacy status takes no new jobs and no new provisioned throughput; the error is ValidationException", guide + "model-lifecycle; code and text are " + unverified},
	{"legacy deployment", "A custom model of a Legacy base model can still be deployed on demand", guide + "model-lifecycle"},
	{"end of life", "At its end of life requests for a model are refused with ResourceNotFoundException", guide + "model-lifecycle; code and text are " + unverified},
	{"custom model as base", "A custom model can be the base of a new job, which learns on top of it", guide + "model-customization-submit"},
	{"hyperparameters", "Names a base model does not list and values outside its ranges are refused with ValidationException", guide + "custom-models-hp; that unknown names are refused is " + unverified},
	{"customization types", "Only FINE_TUNING is served", unverified + ": a limit of the double"},
	{"training file", "The training S3 URI must be a file, not a folder", "AWS re:Post: Bedrock fine-tuning errors"},
	{"access check at submit", "CreateModelCustomizationJob looks for the input files (HeadObject) and writes and removes .write_access_check_file.tmp at the output prefix, with the service role and, as a job's workers do, through the VPC's endpoint; a failure is a ValidationException with Bedrock's text", guide + "fine-tuning-troubleshooting has the texts and the object's name; that it happens at submit, from inside or outside the VPC, is " + unverified + " (scenario: accessCheck)"},
	{"data read", "The data files are read with the service role at the end of the validation stage", unverified + ": the moment"},
	{"data format", "A line that is no record of the base model's format fails the job with the text for an unparsable file", guide + "fine-tuning-troubleshooting; model-customization-prepare"},
	{"media", "The images, videos and documents that records name are read with the service role, right after the data file; one that cannot be read fails the job with the text for a file that cannot be read. What is in them is not looked at, and teaches nothing", "Nova User Guide: fine-tune-prepare-data-understanding says that the service role must have access; the moment and the text are " + unverified},
	{"record limits", "Training and validation records together must lie within the base model's limits, or the job fails", guide + "model-customization-prepare; Nova User Guide; the failure's text is " + unverified},
	{"VPC settings", "GetModelCustomizationJob answers the vpcConfig the job was submitted with", apiModel},
	{"VPC interfaces", "A job with VPC settings describes the network and creates, tags and deletes network interfaces with the service role", guide + "custom-model-job-access-security; the moments are " + unverified},
	{"KMS key", "The caller needs CreateGrant, Decrypt, DescribeKey and GenerateDataKey on the custom model's key to submit, and Decrypt to deploy, provision, re-point and invoke", guide + "encryption-custom-job; which role needs it is " + unverified},
	{"KMS key by itself", "Bedrock needs Decrypt and GenerateDataKey on the key of a Nova model that is provisioned, in its own name and not the caller's; without them the throughput ends Failed. It names the model in the encryption context aws:bedrock:custom-model and no aws:SourceAccount", "Nova User Guide: customize-fine-tune-encrypt, which says so of creation; the same for re-pointing, the context's value, the absence of a source, the end and its text are " + unverified},
	{"KMS Region", "A key ARN of another Region is refused with ValidationException", unverified},
	{"job quota", "10 scheduled customization jobs, then ServiceQuotaExceededException", "AWS General Reference: Bedrock quotas"},
	{"creating quota", "2 custom models with status Creating (L-C02E1E99), counted when a job is submitted", "AWS General Reference: Bedrock quotas; the moment is " + unverified},
	{"model quota", "100 custom models (L-CB5B847D), counted when a job is submitted", "AWS General Reference: Bedrock quotas; the moment is " + unverified},
	{"training metrics", "outputs/model-customization-job-<id>/training_artifacts/step_wise_training_metrics.csv with step_number, epoch_number, training_loss and perplexity", guide + "model-customization-analyze; files of a real job lack perplexity (scenario: perplexity)"},
	{"validation metrics", "One validation_metrics.csv under the layout the scenario chooses; several validators follow one another in it", guide + "model-customization-analyze; AWS's samples show two other places; several validators are " + unverified},
	{"losses", "Losses are drawn from the data and the job's name; they show how the results are read, not how well a model trains", unverified + ": the double's own"},

	{"model creating", "The custom model appears when its job completes, Creating for two minutes, then Active", unverified + ": the order and the time"},
	{"delete model in use", "A custom model that is Creating, deployed or provisioned is not deleted: ConflictException", unverified + ": the API model lists the error without its cause"},
	{"model answers", "A tuned model answers with the completion of the training row nearest to the question, or like its base model when none is near", unverified + ": the double's own; it makes training visible"},

	{"deployment", "A deployment of an Active custom model is Creating, then Active after eight minutes", guide + "deploy-custom-model-on-demand; the time is " + unverified},
	{"deployment support", "Only base models with on-demand deployment can be deployed", guide + "deploy-custom-model-on-demand; the error is " + unverified},
	{"deployment quotas", "10 deployments (L-1EF80F3E), 2 in progress (L-430C95DD), then ServiceQuotaExceededException", "AWS General Reference: Bedrock quotas"},
	{"deployment name", "A name in use is refused with ValidationException, since the operation lists no ConflictException", unverified},
	{"deployment update", "The old model answers until updateStatus is UpdateCompleted; only an Active deployment takes an update", apiModel + "; the rest is " + unverified},
	{"deployment update base", "The new model must be of the same base model", unverified},

	{"model units", "Units beyond those granted for the base model, or without commitment across custom models (L-BE77399C), are refused with ServiceQuotaExceededException; the default is 0", "AWS General Reference: Bedrock quotas; " + guide + "prov-thru-purchase"},
	{"throughput", "A provisioned throughput is Creating for 25 minutes, then InService", "aws-samples notebooks report 20 to 30 minutes"},
	{"throughput name", "A name in use is refused with ValidationException, since the operation lists no ConflictException", unverified},
	{"throughput update", "Only one that is InService takes an update; it is Updating for 15 minutes while the old model answers; the new model must be the base model or another custom model of it", apiModel + " and its texts; the time is " + unverified},
	{"failed update", "A failed update leaves the throughput Failed and the old model answering", unverified},
	{"commitment", "A committed throughput cannot be deleted before its term ends (ConflictException), and the term renews a day after its end", guide + "prov-thru-delete; the error and the day are " + unverified},
	{"delete while creating", "A throughput or deployment that is being created or updated can be deleted", unverified + " (scenario: deleteWhileCreating)"},
	{"billing", "A throughput is billed by the hour from creation to deletion whatever its status; a deployment by the token", guide + "prov-throughput; deploy-custom-model-on-demand; that a Creating or Failed one is billed is " + unverified},
	{"legacy throughput", "Provisioned throughput and deployments that exist go on while the base model is Legacy", guide + "model-lifecycle"},

	{"tags", "At most 50 tags a resource, then TooManyTagsException; TagResource is needed when tags are passed at creation", apiModel + "; " + sar},
	{"lists", "Lists are newest first and filtered by time, status and part of the name", apiModel + "; the default order is " + unverified},
	{"foundation model ids", "GetFoundationModel answers for the id with the context length, which is customized, and for the plain id, which is invoked on demand", unverified},
	{"model access", "GetFoundationModelAvailability answers that the account may use every base model of the Region", guide + "model-access; that it answers for both ids is " + unverified},

	{"invoke by ARN", "Throughputs and deployments are invoked by their ARN, base models by id; a custom model's own ARN is refused", guide + "model-parameters, deploy-custom-model-on-demand; the errors are " + unverified},
	{"base model on demand", "A base model answers under its plain id and the id with the context length", unverified + " for the latter"},
	{"not ready", "One that is being created answers ModelNotReadyException (429)", rtModel + "; the cause is " + unverified},
	{"deleted", "The ARN of what was deleted answers ResourceNotFoundException", rtModel},
	{"conversation", "Messages start and end with the user and alternate; anything else is a ValidationException", guide + "conversation-inference; texts are " + unverified},
	{"stop reasons", "end_turn, tool_use, max_tokens, stop_sequence or guardrail_intervened; temperature and topP are validated and have no effect; maxTokens and stop sequences end text, not the input of a tool", rtModel + "; the latter is " + unverified},
	{"tokens", "A token is six characters, an image 256 tokens", guide + "model-customization-prepare (an estimate); images are " + unverified},
	{"images", "Image blocks are taken and counted; what is in them changes no answer, and every base model takes them", unverified + ": the double's own"},
	{"tools", "With tools, a question is answered by toolUse blocks when toolChoice is any or tool, or when it names tools in backticks; the input is made of the tool's schema, strings of the question's text; a turn with toolResult blocks is answered by a text that quotes them", unverified + ": the double's own; blocks and stop reason are of the " + rtModel},
	{"tool turns", "Tool blocks need toolConfig, and each toolUse its toolResult in the next turn; anything else is a ValidationException", guide + "tool-use; texts are as callers report them, " + unverified},
	{"event stream", "Events are sent one by one as they are generated, each flushed: messageStart, contentBlockStart for tools only, contentBlockDelta, contentBlockStop, messageStop, metadata; a text delta is a word, a tool's input comes in pieces of sixteen characters", rtModel + "; " + guide + "conversation-inference; the sizes are " + unverified},
	{"event padding", "Every event has a member p of changing length, which the API model does not know", "aws/aws-sdk-js-v3 issue 6919"},
	{"chunks", "InvokeModelWithResponseStream sends chunk events whose bytes are JSON in base64: ConverseStream's events each under its name for Nova, pieces of the generation for Llama; the last has amazon-bedrock-invocationMetrics", rtModel + "; Nova User Guide: using-invoke-api; " + guide + "model-parameters-meta; that Llama's last chunk has no text is " + unverified},
	{"stream exceptions", "An exception in a stream is a message of type exception named as in the API model, after which the answer ends; ConverseStream has no modelTimeoutException", rtModel},
	{"hang-up", "A client that closes the connection ends the work on its answer", unverified + ": AWS does not say what it bills then"},
	{"guardrail", "A guardrail of the scenario blocks by words, in any case: a blocked request or answer is replaced by the guardrail's message with stopReason guardrail_intervened, and nothing is generated for a blocked request; tools and their results are not looked at; with guardContent blocks only those are", guide + "guardrails-use-converse-api; that usage is zero then is " + unverified},
	{"guardrail stream", "A streamed answer is looked at before its first event is sent, in both processing modes", guide + "guardrails-streaming for sync; async is " + unverified + ": AWS sends before it has looked"},
	{"guardrail of InvokeModel", "The body has amazon-bedrock-guardrailAction INTERVENED or NONE; a blocked Nova body has the message as its text, a Llama body as its generation", "API reference: InvokeModel; the bodies are " + unverified},
	{"unknown guardrail", "An identifier or version that the account lacks, or one without the other, is a ValidationException", rtModel + " (its texts) for the latter; the former as callers report it, " + unverified},
	{"service time", "A scenario can let real time pass before an answer and between events, and give answers a least length", unverified + ": the double's own, for tests and benchmarks"},
	{"Llama body", "prompt, temperature 0-1, top_p 0-1, max_gen_len 1-2048 (512); generation, prompt_token_count, generation_token_count, stop_reason", guide + "model-parameters-meta"},
	{"Nova body", "messages, system and inferenceConfig; output, stopReason and usage", "Nova User Guide: complete request schema"},

	{"resources of CreateModelCustomizationJob", "Authorised on the new job, the new custom model and the foundation model", sar + " (the latter two); Step Functions Developer Guide: connect-bedrock (the job)"},
	{"resources of CreateProvisionedModelThroughput", "Authorised on the custom model and its foundation model", sar},
	{"resources of UpdateProvisionedModelThroughput", "Authorised on the throughput, the desired model and its foundation model", sar},
	{"resources of UpdateCustomModelDeployment", "Authorised on the deployment and the new custom model", sar},
	{"resources of inference", "Converse and InvokeModel are bedrock:InvokeModel, the two that stream bedrock:InvokeModelWithResponseStream, on the throughput, deployment or foundation model", sar},
	{"resources of guardrails", "A request that names a guardrail needs bedrock:ApplyGuardrail on it as well", guide + "guardrails-permissions"},
	{"resources of lists", "List operations are authorised on *", sar},

	{"key aws:RequestTag/", "The tags of a request, on creation and TagResource", sar},
	{"key aws:TagKeys", "The tag keys of a request, joined by commas", sar},
	{"key aws:ResourceTag/", "The tags of the resource", sar},
	{"key bedrock:GuardrailIdentifier", "The ARN of the request's guardrail, with a colon and the version unless that is DRAFT", guide + "guardrails-permissions-id"},
	{"key iam:PassedToService", "bedrock.amazonaws.com for the service role", "IAM User Guide: iam:PassRole"},
	{"key kms:ViaService", "bedrock.<region>.amazonaws.com", guide + "encryption-custom-job"},
	{"key kms:EncryptionContext:aws:bedrock:custom-model", "The model, when Bedrock uses the key of a Nova model by itself", "Nova User Guide: customize-fine-tune-encrypt has the name; that its value is the model's ARN is " + unverified},
	{"key kms:GrantIsForAWSResource", "true for CreateGrant", "KMS Developer Guide: condition keys; that Bedrock's grants carry it is " + unverified},
	{"key ec2:CreateAction", "CreateNetworkInterface for the tags of a new interface", guide + "custom-model-job-access-security"},
	{"key ec2:Subnet", "The interface's subnet", guide + "custom-model-job-access-security"},
	{"key ec2:ResourceTag/", "BedrockManaged and BedrockModelCustomizationJobArn of an interface", guide + "custom-model-job-access-security"},
}
