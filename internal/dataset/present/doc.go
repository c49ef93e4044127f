// Package present renders what a check of data sets found: for a person
// ([Human]), for programs ([JSON]), for code scanning ([SARIF]) and as
// annotations of a GitHub workflow ([GitHub]).
//
// A report holds at most so many findings of each code, and counts the others.
// Every form says how many it does not list. None of them holds a value of the
// data set, because a report does not.
//
// Lines and columns count from 1, and a column is a byte on its line, as in
// [dataset.Finding]. Sizes are bytes.
package present
