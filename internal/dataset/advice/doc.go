// Package advice looks into the texts of a data set for what a model should not
// be trained on: secrets ([Secrets]) and personal data ([PersonalData]). Both
// are [dataset.Inspector]s, for several goroutines at once.
//
// What they return is a suspicion. It names the kind of value and never holds
// the value. A text in which nothing is suspected may still hold a secret or
// personal data: only what is named here is looked for, by its form.
package advice
