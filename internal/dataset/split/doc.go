// Package split makes a validation set of a part of a training set, so that the
// two share nothing and anybody can make the same split again.
//
// Records are put into groups that must not be torn apart ([By]): by default all
// records in which the user says the same, whatever the answer, for a validation
// loss on a question the model was trained on says little. The side of a group
// depends on nothing but the seed and the group's text:
//
//	SHA-256("tuneline split 1\n" + seed + "\n" + text)
//
// with the seed in decimal. For a percentage, the group is for validation when
// the first 8 bytes of the hash, as a big-endian number, are below that part of
// 2^64: no record changes sides when others are added. For a number of records,
// the groups with the smallest hashes are for validation until the number is
// reached; there a record can change sides when others are added.
//
// The data is read twice, and the bytes of each line stay what they are, but for
// a last line without a line break, which gets one.
package split
