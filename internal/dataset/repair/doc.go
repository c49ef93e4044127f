// Package repair writes a repaired copy of a JSONL data set and says what it
// did, line by line.
//
// [Stream] reads once, in memory that does not grow with the file but for the
// set that finds duplicates. It repairs what can be repaired without changing
// what is trained on: how the file is encoded and cut into lines, and how a
// record is wrapped. What would change the data happens only when
// [Options] ask for it. Every record of the input is written, or goes verbatim
// to the rejects, or is named as a removed duplicate; every repair is an
// [Action]. No action holds anything of the data.
//
// Whether a row is good is for dataset.Check to say, before and after a repair:
// this package has no rules of its own. What the copy as a whole lacks, such as
// too few records, stands in [Result.Report].
package repair
