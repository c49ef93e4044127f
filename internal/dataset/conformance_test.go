package dataset

import (
	"strings"
	"testing"
)

// conformanceCase is one hard line of JSON and the verdict on it.
type conformanceCase struct {
	name, line string
	// want is the code of the one finding; "" when there is none.
	want Code
}

// prompts is a record whose prompt is this, in quotes or not.
func prompts(value string) string { return `{"prompt":` + value + `,"completion":"b"}` }

// notes is a record with an extra key of this value; CodeExtraKey is found, and
// nothing else where the value is good JSON.
func notes(value string) string { return `{"prompt":"a","completion":"b","x":` + value + `}` }

// conformance holds every way of judging a line to the same verdicts: RFC 8259,
// and beyond it no key twice and no lone surrogate. The format is
// FormatPromptCompletion, without rules and limits.
var conformance = []conformanceCase{
	// Order and spelling of keys.
	{"prompt first", `{"prompt":"a","completion":"b"}`, ""},
	{"completion first", `{"completion":"b","prompt":"a"}`, ""},
	{"key with one escape", `{"\u0070rompt":"a","completion":"b"}`, ""},
	{"key all of escapes", `{"\u0070\u0072\u006f\u006d\u0070\u0074":"a","completion":"b"}`, ""},
	{"key in capitals", `{"prompt":"a","completion":"b","PROMPT":"c"}`, CodeExtraKey},
	{"key with a blank", `{"prompt":"a","completion":"b","prompt ":"c"}`, CodeExtraKey},
	{"empty key", `{"prompt":"a","completion":"b","":"c"}`, CodeExtraKey},
	{"key of 100,000 letters", `{"prompt":"a","completion":"b","` + strings.Repeat("k", 100_000) + `":1}`, CodeExtraKey},
	{"key twice", `{"prompt":"a","completion":"b","prompt":"a"}`, CodeDuplicateKey},
	{"key twice, once escaped", `{"prompt":"a","completion":"b","\u0070rompt":"a"}`, CodeDuplicateKey},
	{"escaped key twice", `{"\u0070rompt":"a","prom\u0070t":"a","completion":"b"}`, CodeDuplicateKey},
	{"key twice inside", notes(`{"y":1,"y":2}`), CodeDuplicateKey},
	{"key twice in different objects", notes(`[{"y":1},{"y":2}]`), CodeExtraKey},
	{"key that is a number", `{"prompt":"a","completion":"b",1:2}`, CodeSyntax},
	{"key without quotes", `{prompt:"a","completion":"b"}`, CodeSyntax},
	{"key in single quotes", `{'prompt':"a","completion":"b"}`, CodeSyntax},
	// White space.
	{"white space everywhere", " \t{ \"prompt\" :\t\"a\" ,\r \"completion\" : \"b\" } \t", ""},
	{"CR LF", "{\"prompt\":\"a\",\"completion\":\"b\"}\r\n", ""},
	{"CR alone at the end", "{\"prompt\":\"a\",\"completion\":\"b\"}\r", ""},
	{"vertical tab", "{\"prompt\":\v\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"form feed after the record", "{\"prompt\":\"a\",\"completion\":\"b\"}\f", CodeTrailingData},
	{"no-break space before a value", "{\"prompt\":\u00a0\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"line separator before a value", "{\"prompt\":\u2028\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"line separator in a string", prompts("\"a\u2028b\""), ""},
	// Byte order marks.
	{"UTF-8 mark", "\uFEFF{\"prompt\":\"a\",\"completion\":\"b\"}", CodeByteOrderMark},
	{"UTF-16 mark, little end first", "\xFF\xFE{\"prompt\":\"a\",\"completion\":\"b\"}", CodeByteOrderMark},
	{"UTF-16 mark, big end first", "\xFE\xFF{\"prompt\":\"a\",\"completion\":\"b\"}", CodeByteOrderMark},
	{"mark inside the record", "{\uFEFF\"prompt\":\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"mark in a string", prompts("\"\uFEFFa\""), ""},
	{"half of a mark", "\xEF\xBB{\"prompt\":\"a\",\"completion\":\"b\"}", CodeInvalidUTF8},
	// Escapes.
	{"every short escape", prompts(`"\"\\\/\b\f\n\r\ta"`), ""},
	{"escaped NUL", prompts(`"a\u0000b"`), ""},
	{"escapes in both cases", prompts(`"\u00e4\u00E4"`), ""},
	{"escaped noncharacter", prompts(`"\uffff"`), ""},
	{"unknown escape", prompts(`"\q"`), CodeSyntax},
	{"hexadecimal escape", prompts(`"\x41"`), CodeSyntax},
	{"octal escape", prompts(`"\0"`), CodeSyntax},
	{"escape in capitals", prompts(`"\U00e4"`), CodeSyntax},
	{"escape of three digits", prompts(`"\u00e"`), CodeSyntax},
	{"escape with a letter too far", prompts(`"\u00eg"`), CodeSyntax},
	{"line ends after a backslash", `{"prompt":"a\`, CodeIncomplete},
	{"line ends inside an escape", `{"prompt":"a\u00`, CodeIncomplete},
	{"backslash before the last quote", `{"prompt":"a","completion":"b\"}`, CodeIncomplete},
	{"two backslashes before the last quote", `{"prompt":"a","completion":"b\\"}`, ""},
	// Surrogates.
	{"surrogate pair", prompts(`"\ud83d\ude00"`), ""},
	{"surrogate pair in both cases", prompts(`"\uD83D\uDe00"`), ""},
	{"high surrogate alone", prompts(`"\ud83d"`), CodeLoneSurrogate},
	{"low surrogate alone", prompts(`"\ude00"`), CodeLoneSurrogate},
	{"pair the wrong way round", prompts(`"\ude00\ud83d"`), CodeLoneSurrogate},
	{"high surrogate twice", prompts(`"\ud83d\ud83d"`), CodeLoneSurrogate},
	{"high surrogate before a letter", prompts(`"\ud83da"`), CodeLoneSurrogate},
	{"high surrogate before another escape", prompts(`"\ud83d\n"`), CodeLoneSurrogate},
	{"surrogate in a key", `{"prompt":"a","completion":"b","\ud83d":1}`, CodeLoneSurrogate},
	{"surrogate deep inside", notes(`[["\ude00"]]`), CodeLoneSurrogate},
	// UTF-8.
	{"two, three and four bytes", prompts(`"äあ😀"`), ""},
	{"noncharacter", prompts("\"\uFFFF\""), ""},
	{"highest character", prompts("\"\U0010FFFF\""), ""},
	{"replacement character", prompts("\"\uFFFD\""), ""},
	{"above the highest character", prompts("\"\xF4\x90\x80\x80\""), CodeInvalidUTF8},
	{"Latin-1", prompts("\"\xE4\""), CodeInvalidUTF8},
	{"continuation alone", prompts("\"\x80\""), CodeInvalidUTF8},
	{"cut off after two of three bytes", prompts("\"\xE3\x81\""), CodeInvalidUTF8},
	{"overlong slash", prompts("\"\xC0\xAF\""), CodeInvalidUTF8},
	{"overlong in three bytes", prompts("\"\xE0\x80\xAF\""), CodeInvalidUTF8},
	{"overlong NUL", prompts("\"\xC0\x80\""), CodeInvalidUTF8},
	{"surrogate in bytes", prompts("\"\xED\xA0\xBD\""), CodeInvalidUTF8},
	{"byte that UTF-8 has not", prompts("\"\xFF\""), CodeInvalidUTF8},
	{"bad byte in a key", "{\"prompt\":\"a\",\"completion\":\"b\",\"\xE4\":1}", CodeInvalidUTF8},
	{"bad byte after the record", "{\"prompt\":\"a\",\"completion\":\"b\"}\xE4", CodeTrailingData},
	// Control characters.
	{"NUL in a string", prompts("\"a\x00b\""), CodeSyntax},
	{"tab in a string", prompts("\"a\tb\""), CodeSyntax},
	{"carriage return in a string", prompts("\"a\rb\""), CodeSyntax},
	{"unit separator in a string", prompts("\"a\x1Fb\""), CodeSyntax},
	{"delete in a string", prompts("\"a\x7Fb\""), ""},
	{"C1 control in a string", prompts("\"a\u0085b\""), ""},
	{"NUL between tokens", "{\"prompt\":\x00\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"NUL after the record", "{\"prompt\":\"a\",\"completion\":\"b\"}\x00", CodeTrailingData},
	// Numbers and literals.
	{"numbers of every form", notes(`[0,-0,1,-1,0.5,1e5,1E+5,1e-5,-1.25e10]`), CodeExtraKey},
	{"exponent beyond any float", notes(`1e999999`), CodeExtraKey},
	{"number of 5,000 digits", notes(strings.Repeat("9", 5_000)), CodeExtraKey},
	{"true, false and null", notes(`[true,false,null]`), CodeExtraKey},
	{"NaN", notes(`NaN`), CodeSyntax},
	{"Infinity", notes(`Infinity`), CodeSyntax},
	{"minus Infinity", notes(`-Infinity`), CodeSyntax},
	{"hexadecimal number", notes(`[0x10]`), CodeSyntax},
	{"leading zero", notes(`[01]`), CodeSyntax},
	{"leading zero, negative", notes(`[-01]`), CodeSyntax},
	{"leading plus", notes(`+1`), CodeSyntax},
	{"leading point", notes(`.5`), CodeSyntax},
	{"trailing point", notes(`5.`), CodeSyntax},
	{"exponent without digits", notes(`1e`), CodeSyntax},
	{"minus alone", notes(`-`), CodeSyntax},
	{"True", notes(`True`), CodeSyntax},
	{"None", notes(`None`), CodeSyntax},
	{"undefined", notes(`undefined`), CodeSyntax},
	{"literal cut off", `{"prompt":"a","completion":"b","x":tru`, CodeIncomplete},
	// Structure.
	{"trailing comma in the record", `{"prompt":"a","completion":"b",}`, CodeSyntax},
	{"trailing comma in a list", notes(`[1,]`), CodeSyntax},
	{"two commas", `{"prompt":"a",,"completion":"b"}`, CodeSyntax},
	{"leading comma", `{,"prompt":"a","completion":"b"}`, CodeSyntax},
	{"missing comma", `{"prompt":"a" "completion":"b"}`, CodeSyntax},
	{"missing colon", `{"prompt" "a","completion":"b"}`, CodeSyntax},
	{"missing value", `{"prompt":,"completion":"b"}`, CodeSyntax},
	{"list closed as an object", notes(`[1}`), CodeSyntax},
	{"comment", `{"prompt":"a",/* b */"completion":"b"}`, CodeSyntax},
	{"comment after the record", `{"prompt":"a","completion":"b"} // c`, CodeTrailingData},
	{"comma after the record", `{"prompt":"a","completion":"b"},`, CodeTrailingData},
	{"two records", `{"prompt":"a","completion":"b"}{"prompt":"c","completion":"d"}`, CodeTrailingData},
	{"brace too many", `{"prompt":"a","completion":"b"}}`, CodeTrailingData},
	{"brace missing", `{"prompt":"a","completion":"b"`, CodeIncomplete},
	{"quote missing", `{"prompt":"a","completion":"b}`, CodeIncomplete},
	{"ends after a colon", `{"prompt":"a","completion":`, CodeIncomplete},
	{"ends after a comma", `{"prompt":"a",`, CodeIncomplete},
	{"ends after the first brace", `{`, CodeIncomplete},
	{"record sep before the record", "\x1E{\"prompt\":\"a\",\"completion\":\"b\"}", CodeSyntax},
	{"list", `[{"prompt":"a","completion":"b"}]`, CodeNotAnObject},
	{"number", `1`, CodeNotAnObject},
	{"string in single quotes", `'a'`, CodeSyntax},
	// Depth.
	{"9,999 lists deep", notes(strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999)), CodeExtraKey},
	{"10,000 lists deep", notes(strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)), CodeTooDeep},
	{"100,000 lists opened", notes(strings.Repeat("[", 100_000)), CodeTooDeep},
	{"100,000 objects opened", notes(strings.Repeat(`{"x":`, 100_000)), CodeTooDeep},
	{"10,000 brackets in a string", prompts(`"` + strings.Repeat("[{", 10_000) + `"`), ""},
	// Values of the keys themselves.
	{"prompt of a megabyte", prompts(`"` + strings.Repeat("a", 1<<20) + `"`), ""},
	{"prompt is a list", prompts(`["a"]`), CodeWrongType},
	{"prompt is null", prompts(`null`), CodeWrongType},
	{"prompt of escaped blanks", prompts(`"\u0020\u00a0\n"`), CodeBlankText},
	{"prompt of ideographic space", prompts(`"　"`), CodeBlankText},
	{"prompt of a zero width space", prompts("\"\u200B\""), ""},
}

func TestConformance(t *testing.T) {
	for _, tt := range conformance {
		t.Run(tt.name, func(t *testing.T) {
			r := check(t, tt.line, pc)
			switch {
			case tt.want == "" && len(r.Findings) > 0:
				t.Errorf("got %q, want nothing", brief(r))
			case tt.want != "" && (len(r.Findings) != 1 || r.Findings[0].Code != tt.want):
				t.Errorf("got %q, want %s alone", brief(r), tt.want)
			}
			if r.Records != 1 {
				t.Errorf("got %d records, want 1", r.Records)
			}
		})
	}
}
