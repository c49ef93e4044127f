package advice

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// kinds are the kinds suspected in a text, in one string.
func kinds(t *testing.T, inspector dataset.Inspector, code dataset.Code, text string) string {
	t.Helper()
	var names []string
	for _, s := range inspector.Inspect([]byte(text)) {
		if s.Code != code {
			t.Errorf("a suspicion has the code %s, want %s", s.Code, code)
		}
		names = append(names, s.What)
	}
	return strings.Join(names, ", ")
}

// TestPersonalData uses numbers that card networks and SWIFT publish for tests
// and examples, and invented addresses.
func TestPersonalData(t *testing.T) {
	tests := map[string][]string{
		kindEmail: {
			"jane.doe@example.com",
			"Write to <jane+news@mail.example.co.uk>.",
			"jane@example.com.",
			"a@xn--bcher-kva.example",
			"mailto:jane_doe@example.org?subject=x",
			"first @ second, then jane@example.org",
			"schön: jane@example.org",
		},
		kindCard: {
			"4111111111111111",
			"4222222222222",
			"card 4111 1111 1111 1111, please",
			"4111-1111-1111-1111",
			"5555555555554444", "2223003122003222", "378282246310005", "3782 822463 10005",
			"30569309025904", "3056 930902 5904", "6011111111111117", "3530111333300000", "6200000000000005",
			"12 4111 1111 1111 1111 12/27",
			"7,4111111111111111,12/27",
			"The number is 4111111111111111.",
		},
		kindIBAN: {
			"DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "de89 3704 0044 0532 0130 00.",
			"GB29NWBK60161331926819", "GB82 WEST 1234 5698 7654 32",
			"FR1420041010050500013M02606", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
			"IBAN: CH93-0076-2011-6238-5295-7 (CHF)", "BE68539007547034", "NL91ABNA0417164300",
			"ES9121000418450200051332", "IT60X0542811101000000123456", "SE4550000000058398257466", "PL61109010140000071219812874",
		},
		kindEmail + ", " + kindIBAN: {"DE89370400440532013000 jane@example.com bob@example.com"},
		"": {
			"", "@", "jane@", "@example.com", "jane@example", "jane@example.c", "jane@.com", "jane.@example.com", "jane@-a.com",
			"jane@a..com", "package@18.2.0", "https://example.com/@jane.doe/posts", "jane @ example.com",
			"4111111111111112", "4111 1111 1111 1112", "4111 1111-1111 1111", "4111  1111 1111 1111", "4111111111111", "41111111111111111111",
			"9111111111111111", "0000000000000000", "5555555555555557777", "0.4111111111111111", "4111111111111111.5",
			"a4111111111111111", "4111111111111111b", "_4111111111111111", "1234567890123456", "411 111 111 111 1111",
			"+49 170 1234567", "2024-01-01 2024-01-02", "1700000000000",
			"DE89370400440532013001", "DE8937040044053201300", "DE893704004405320130000", "XX89370400440532013000",
			"ADE89370400440532013000", "DE89 37040 0440532013000", "DE89  3704 0044 0532 0130 00", "DE8", "E89", "DE89 3704",
		},
	}
	for want, texts := range tests {
		for _, text := range texts {
			if got := kinds(t, PersonalData(), dataset.CodePersonalData, text); got != want {
				t.Errorf("in %q: got %q, want %q", text, got, want)
			}
		}
	}
}

// TestPersonalDataKeepsValues: no suspicion holds what was found.
func TestPersonalDataKeepsValues(t *testing.T) {
	text := "jane@example.com 4111111111111111 DE89370400440532013000"
	want := kindEmail + ", " + kindCard + ", " + kindIBAN
	if got := kinds(t, PersonalData(), dataset.CodePersonalData, text); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLuhnAndMod97: a check digit finds every single wrong digit.
func TestLuhnAndMod97(t *testing.T) {
	checks := map[string]func([]byte) bool{
		"4111111111111111":       luhn,
		"378282246310005":        luhn,
		"DE89370400440532013000": mod97,
		"GB29NWBK60161331926819": mod97,
	}
	for good, check := range checks {
		if !check([]byte(good)) {
			t.Errorf("%s is refused", good)
		}
		for i, old := range []byte(good) {
			for digit := byte('0'); isDigit(old) && digit <= '9'; digit++ {
				wrong := []byte(good)
				wrong[i] = digit
				if digit != old && check(wrong) {
					t.Errorf("%s is taken for %s", wrong, good)
				}
			}
		}
	}
}

// TestTables: what the tables say can be.
func TestTables(t *testing.T) {
	for country, length := range ibanLengths {
		if length < 15 || length > maxIBAN {
			t.Errorf("an IBAN of %s has %d characters", country, length)
		}
	}
	for i, issuer := range issuers {
		if issuer.first > issuer.last || issuer.minimum < minCardDigits || issuer.maximum > maxCardDigits {
			t.Errorf("the issuer %v cannot be", issuer)
		}
		if i > 0 && issuer.first <= issuers[i-1].last {
			t.Errorf("the issuer %v overlaps the one before it", issuer)
		}
	}
}

func FuzzPersonalData(f *testing.F) {
	for _, seed := range []string{"jane@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "1@1", "\xff4-", "AD1", "3-3-"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kept := bytes.Clone(text)
		found := PersonalData().Inspect(text)
		if !bytes.Equal(text, kept) {
			t.Error("the text was changed")
		}
		// What is found in a text is found with a space on either side as well.
		if around := PersonalData().Inspect([]byte(" " + string(text) + " ")); len(around) < len(found) {
			t.Errorf("%d kinds alone, %d between spaces", len(found), len(around))
		}
	})
}
