// Package finetune holds the nouns that travel: one JSON shape for every word
// the pipeline speaks, shared by the three who speak it. The infrastructure
// fills [ExecutionInput] with tokens, the state machine names the JSON fields,
// and the functions fill them with values. It imports the standard library
// only, so that sharing a word never drags a dependency along.
//
// # The story of one data set
//
// A [Dataset] is one version of one JSONL object that a team dropped under
// [PrefixDatasets]. It starts an execution, and it has an identity that no
// redelivery changes: its [RunID]. From there the execution document grows by
// one noun a step and nothing is overwritten by anybody but the noun's own
// step:
//
//	$.dataset, $.resume, $.rollback   what started the execution ([ExecutionInput])
//	$.report              what the check found and copied ([Report])
//	$.spend               what is about to be paid for, and whether it may be ([Spend])
//	$.job                 the Bedrock model customization job ([Job])
//	$.model               the custom model the job made ([Model])
//	$.results             what its metrics say ([Results])
//	$.throughput          the capacity the model is served by ([Throughput])
//	$.endpoint            what a caller reaches ([Endpoint])
//
// and, on the way to an end that is not Deployed:
//
//	$.error               what went wrong ([Failure])
//	$.releaseError        why the release itself failed ([Failure])
//	$.end                 which end this is, and why ([Closing])
//	$.noticeError         why a person could not be told ([Failure])
//
// References travel, data never does: the document holds ARNs, keys and
// counts, not a character of the data set.
package finetune
