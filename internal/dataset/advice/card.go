package advice

// A card number has so many digits.
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// issuers are the ranges of first four digits that card networks give out, with
// the lengths of their numbers (ISO/IEC 7812-1, and what the networks publish).
var issuers = []struct {
	first, last      int
	minimum, maximum int
}{
	{2200, 2204, 16, 19}, // Mir
	{2221, 2720, 16, 16}, // Mastercard
	{3000, 3059, 14, 19}, // Diners Club
	{3400, 3499, 15, 15}, // American Express
	{3528, 3589, 16, 19}, // JCB
	{3600, 3699, 14, 19}, // Diners Club
	{3700, 3799, 15, 15}, // American Express
	{3800, 3999, 14, 19}, // Diners Club
	{4000, 4999, 13, 19}, // Visa
	{5000, 5099, 13, 19}, // Maestro
	{5100, 5599, 16, 16}, // Mastercard
	{5600, 5899, 13, 19}, // Maestro
	{6011, 6011, 16, 19}, // Discover
	{6200, 6299, 16, 19}, // UnionPay
	{6304, 6304, 13, 19}, // Maestro
	{6440, 6599, 16, 19}, // Discover
	{6759, 6763, 13, 19}, // Maestro
}

// layouts are the groups in which numbers are printed on cards.
var layouts = [][]int{
	{4, 4, 4, 4},
	{4, 6, 5},
	{4, 6, 4},
	{4, 4, 4, 4, 3},
	{4, 4, 4, 1},
}

// cardIn says whether a card number begins with the digits text[begin:end].
// They stand between bytes that are no digits.
func cardIn(text []byte, begin, end int) bool {
	if !freeBefore(text, begin) {
		return false
	}
	if n := end - begin; n >= minCardDigits && n <= maxCardDigits {
		return freeAfter(text, end) && isCard(text[begin:end])
	} else if n != 4 {
		return false
	}
	var room [maxCardDigits]byte
	for _, layout := range layouts {
		if digits, ok := grouped(room[:0], text, begin, layout); ok && isCard(digits) {
			return true
		}
	}
	return false
}

// grouped reads digits in groups with one separator, a space or a dash.
func grouped(digits, text []byte, begin int, layout []int) (read []byte, ok bool) {
	var separator byte
	at := begin
	for i, length := range layout {
		if i > 0 {
			if at >= len(text) || text[at] != ' ' && text[at] != '-' || separator != 0 && text[at] != separator {
				return nil, false
			}
			separator = text[at]
			at++
		}
		end := numberEnd(text[:min(len(text), at+length+1)], at)
		if end-at != length {
			return nil, false
		}
		digits = append(digits, text[at:end]...)
		at = end
	}
	return digits, freeAfter(text, at)
}

// freeBefore says whether a number can begin here: it is no part of a word or of
// a decimal fraction.
func freeBefore(text []byte, i int) bool {
	if i == 0 {
		return true
	}
	if text[i-1] == '.' {
		return i == 1 || !isDigit(text[i-2])
	}
	return !isAlphanumeric(text[i-1]) && text[i-1] != '_'
}

// freeAfter says whether a number can end here.
func freeAfter(text []byte, i int) bool {
	if i == len(text) {
		return true
	}
	if text[i] == '.' {
		return i+1 == len(text) || !isDigit(text[i+1])
	}
	return !isAlphanumeric(text[i]) && text[i] != '_'
}

// isCard says whether digits are a card number, by issuer, length and check digit.
func isCard(digits []byte) bool {
	first := 0
	for _, d := range digits[:4] {
		first = first*10 + int(d-'0')
	}
	for _, i := range issuers {
		if first >= i.first && first <= i.last {
			return len(digits) >= i.minimum && len(digits) <= i.maximum && luhn(digits)
		}
	}
	return false
}

// luhn says whether the last digit is the check digit of the others (ISO/IEC
// 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		n := int(d - '0')
		if (len(digits)-i)%2 == 0 {
			n *= 2
			if n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
