package dataset

import (
	"slices"
	"strings"
)

// Code names a kind of finding. Codes are stable: a code is never given a new
// meaning, only new codes are added.
type Code string

// Codes of lines that are no JSON record.
const (
	CodeSyntax        Code = "TL1001"
	CodeByteOrderMark Code = "TL1002"
	CodeInvalidUTF8   Code = "TL1003"
	CodeLoneSurrogate Code = "TL1004"
	CodeDuplicateKey  Code = "TL1005"
	CodeTrailingData  Code = "TL1006"
	CodeBlankLine     Code = "TL1007"
	CodeLineTooLong   Code = "TL1008"
	CodeNotAnObject   Code = "TL1009"
	CodeIncomplete    Code = "TL1010"
	CodeTooDeep       Code = "TL1011"
)

// Codes of records with the wrong shape, in any format.
const (
	CodeMissingKey  Code = "TL1101"
	CodeWrongType   Code = "TL1102"
	CodeUnknownKey  Code = "TL1103"
	CodeExtraKey    Code = "TL1104"
	CodeBlankText   Code = "TL1105"
	CodeOtherFormat Code = "TL1106"
)

// Codes of the forms with messages.
const (
	CodeSchemaVersion        Code = "TL1201"
	CodeSystemCount          Code = "TL1202"
	CodeTooFewMessages       Code = "TL1203"
	CodeUnknownRole          Code = "TL1204"
	CodeRoleOrder            Code = "TL1205"
	CodeEmptyContent         Code = "TL1206"
	CodeMediaBlock           Code = "TL1207"
	CodeToolBlock            Code = "TL1208"
	CodeUnknownBlock         Code = "TL1209"
	CodeReservedWord         Code = "TL1210"
	CodeReservedWordInAnswer Code = "TL1211"
	CodeSuspectWord          Code = "TL1212"
	CodeOtherSchemaVersion   Code = "TL1213"
	CodeBlockInWrongTurn     Code = "TL1214"
	CodeMediaFormat          Code = "TL1215"
	CodeDoubtfulMediaFormat  Code = "TL1216"
	CodeMediaLocation        Code = "TL1217"
	CodeMediaBucket          Code = "TL1218"
	CodeMediaCount           Code = "TL1219"
	CodeMediaMixed           Code = "TL1220"
	CodeToolConfig           Code = "TL1221"
	CodeToolUse              Code = "TL1222"
	CodeToolsInDoubt         Code = "TL1223"
	CodeTurnMarker           Code = "TL1224"
	CodeSingleTurn           Code = "TL1225"
	CodeNoReferenceAnswer    Code = "TL1226"
	CodeMediaPrefix          Code = "TL1227"
	CodeMediaMissing         Code = "TL1228"
	CodeMediaSize            Code = "TL1229"
	CodeManyDocuments        Code = "TL1230"
	CodeToolInDoubt          Code = "TL1231"
)

// Codes of one record's size, and of the data set as a whole.
const (
	CodeRecordTooLong    Code = "TL1301"
	CodeCaptionLength    Code = "TL1302"
	CodeTooFewRecords    Code = "TL1401"
	CodeTooManyRecords   Code = "TL1402"
	CodeDuplicateRecord  Code = "TL1403"
	CodeRecordInBoth     Code = "TL1404"
	CodeFewRecords       Code = "TL1405"
	CodeFileTooLarge     Code = "TL1406"
	CodeNearDuplicate    Code = "TL1407"
	CodeNearRecordInBoth Code = "TL1408"
	CodeDoubtfulRecords  Code = "TL1409"
	CodeDoubtfulFileSize Code = "TL1410"
)

// Codes of advice: nothing that Bedrock would refuse.
const (
	CodeSecret        Code = "TL1501"
	CodePersonalData  Code = "TL1502"
	CodeLengthOutlier Code = "TL1503"
	CodeImbalance     Code = "TL1504"
)

// Codes of the file and of the object in S3 that it is.
const (
	CodeObjectKey        Code = "TL1601"
	CodeFileExtension    Code = "TL1602"
	CodeFileChanged      Code = "TL1603"
	CodeUnpackedTooLarge Code = "TL1604"
	CodeObjectKeyOnNova  Code = "TL1605"
	CodeMediaUnchecked   Code = "TL1606"
	CodeValidationUnused Code = "TL1607"
	CodeFileName         Code = "TL1608"
)

// Severity says what a finding means for the data set.
type Severity string

const (
	// SeverityError is a finding for which Bedrock would refuse the data set, or
	// train on something else than what was meant. One error and the data set is not accepted.
	SeverityError Severity = "error"
	// SeverityWarning is a finding worth a look, and no reason to refuse.
	SeverityWarning Severity = "warning"
	// SeverityNote is advice, or something worth knowing.
	SeverityNote Severity = "note"
)

// CodeInfo explains a code.
type CodeInfo struct {
	Code     Code
	Severity Severity
	// Title says what was found.
	Title string
	// Action says what to do about it.
	Action string
	// Source is the page or the script that says so; where AWS's pages disagree,
	// both.
	Source string
	// Format is that of the rows; "" where they are no data set.
	Format Format
	// With says what else the rows are shown with, as "for Nova"; "" for nothing.
	With string
	// Bad are rows in which exactly this is found, Good the same rows repaired.
	// There is no line break after the last one. Where Format is "", they are
	// object keys or say what happens.
	Bad, Good string

	shown shown
}

// shown is what the rows of a code are checked with, beside the format.
type shown struct {
	rules  Rules
	limits Limits
	// validation are the rows of the validation data.
	validation string
	// media are the sizes of the files there are, by key; nil: nobody looks.
	media map[string]int64
	// near: near duplicates are looked for.
	near bool
	// marks: a text that holds it is suspected of what the code is about.
	marks string
	// key: the rows are keys in S3, for CheckObjectKey; name: they are names of
	// files that are still to be uploaded, for CheckFileName.
	key, name bool
	// elsewhere: the finding is not about what a file says, but about how it was read.
	elsewhere bool
}

var codes = slices.SortedFunc(
	slices.Values(slices.Concat(lineCodes, shapeCodes, formCodes, wordCodes, mediaCodes, toolCodes, setCodes, adviceCodes, fileCodes)),
	func(a, b CodeInfo) int { return strings.Compare(string(a.Code), string(b.Code)) },
)

// codeIndex is where each code stands in codes.
var codeIndex = func() map[Code]int {
	index := make(map[Code]int, len(codes))
	for i := range codes {
		index[codes[i].Code] = i
	}
	return index
}()

// Codes returns every code with its meaning, in the order of the codes.
func Codes() []CodeInfo { return slices.Clone(codes) }

// Info returns what the code means; ok is false for a code that is not in
// [Codes].
func (c Code) Info() (info CodeInfo, ok bool) {
	i, ok := codeIndex[c]
	if !ok {
		return CodeInfo{}, false
	}
	return codes[i], true
}

// The pages and scripts that the rules come from.
const (
	guide = "https://docs.aws.amazon.com/bedrock/latest/userguide/"

	sourceJSON          = "RFC 8259; Bedrock User Guide, " + guide + "fine-tuning-troubleshooting.html: data must conform to JSONL"
	sourceData          = "Bedrock User Guide, " + guide + "model-customization-prepare.html"
	sourceNova          = "Nova guide, https://docs.aws.amazon.com/nova/latest/userguide/fine-tune-prepare-data-understanding.html"
	sourceNova2         = "Nova 2 guide, https://docs.aws.amazon.com/nova/latest/nova2-userguide/nova-data-prep-sft-2.html"
	sourceNovaScript    = "AWS's sample validator for Nova, nova_ft_dataset_validator.py"
	sourceLlamaScript   = "AWS's sample validator for Llama, dataset_validation.py"
	sourceDistillation  = "Bedrock User Guide, " + guide + "distillation-data-prep-option-1.html; AWS's sample validator for distillation, dataset_validator.py"
	sourceReinforcement = "Bedrock User Guide, " + guide + "rft-prepare-data.html"
	sourceQuotas        = "AWS General Reference, https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
	sourceAPI           = "Bedrock API, S3Uri of TrainingDataConfig, https://docs.aws.amazon.com/bedrock/latest/APIReference/API_TrainingDataConfig.html"
	sourceOwn           = "tuneline's own advice"
)
