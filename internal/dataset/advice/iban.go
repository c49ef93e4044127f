package advice

// ibanLengths are the characters of an IBAN by country, from the IBAN registry
// of ISO 13616, which SWIFT keeps.
var ibanLengths = map[[2]byte]int{
	{'A', 'D'}: 24, {'A', 'E'}: 23, {'A', 'L'}: 28, {'A', 'T'}: 20, {'A', 'Z'}: 28,
	{'B', 'A'}: 20, {'B', 'E'}: 16, {'B', 'G'}: 22, {'B', 'H'}: 22, {'B', 'I'}: 27, {'B', 'R'}: 29, {'B', 'Y'}: 28,
	{'C', 'H'}: 21, {'C', 'R'}: 22, {'C', 'Y'}: 28, {'C', 'Z'}: 24,
	{'D', 'E'}: 22, {'D', 'J'}: 27, {'D', 'K'}: 18, {'D', 'O'}: 28,
	{'E', 'E'}: 20, {'E', 'G'}: 29, {'E', 'S'}: 24,
	{'F', 'I'}: 18, {'F', 'K'}: 18, {'F', 'O'}: 18, {'F', 'R'}: 27,
	{'G', 'B'}: 22, {'G', 'E'}: 22, {'G', 'I'}: 23, {'G', 'L'}: 18, {'G', 'R'}: 27, {'G', 'T'}: 28,
	{'H', 'N'}: 28, {'H', 'R'}: 21, {'H', 'U'}: 28,
	{'I', 'E'}: 22, {'I', 'L'}: 23, {'I', 'Q'}: 23, {'I', 'S'}: 26, {'I', 'T'}: 27,
	{'J', 'O'}: 30,
	{'K', 'W'}: 30, {'K', 'Z'}: 20,
	{'L', 'B'}: 28, {'L', 'C'}: 32, {'L', 'I'}: 21, {'L', 'T'}: 20, {'L', 'U'}: 20, {'L', 'V'}: 21, {'L', 'Y'}: 25,
	{'M', 'C'}: 27, {'M', 'D'}: 24, {'M', 'E'}: 22, {'M', 'K'}: 19, {'M', 'N'}: 20, {'M', 'R'}: 27, {'M', 'T'}: 31, {'M', 'U'}: 30,
	{'N', 'I'}: 28, {'N', 'L'}: 18, {'N', 'O'}: 15,
	{'O', 'M'}: 23,
	{'P', 'K'}: 24, {'P', 'L'}: 28, {'P', 'S'}: 29, {'P', 'T'}: 25,
	{'Q', 'A'}: 29,
	{'R', 'O'}: 24, {'R', 'S'}: 22, {'R', 'U'}: 33,
	{'S', 'A'}: 24, {'S', 'C'}: 31, {'S', 'D'}: 18, {'S', 'E'}: 24, {'S', 'I'}: 19, {'S', 'K'}: 24, {'S', 'M'}: 27, {'S', 'O'}: 23, {'S', 'T'}: 25, {'S', 'V'}: 28,
	{'T', 'L'}: 23, {'T', 'N'}: 24, {'T', 'R'}: 26,
	{'U', 'A'}: 29,
	{'V', 'A'}: 22, {'V', 'G'}: 24,
	{'X', 'K'}: 20,
	{'Y', 'E'}: 30,
}

// maxIBAN is the length of the longest IBAN that ISO 13616 allows.
const maxIBAN = 34

// ibanAt says whether an IBAN begins at i, in capital or small letters, in one
// piece or in groups of four with one space or dash between them.
func ibanAt(text []byte, i int) bool {
	if i < 0 || i > 0 && isAlphanumeric(text[i-1]) {
		return false
	}
	length, ok := ibanLengths[[2]byte{upper(text[i]), upper(text[i+1])}]
	if !ok {
		return false
	}
	var room [maxIBAN]byte
	iban, rest := readIBAN(room[:0], text[i:], length)
	return len(iban) == length && (len(rest) == 0 || !isAlphanumeric(rest[0])) && mod97(iban)
}

// readIBAN reads letters and digits until there are so many, and stops at what
// an IBAN cannot have at its place.
func readIBAN(iban, text []byte, length int) (read, rest []byte) {
	for i, b := range text {
		switch {
		case len(iban) == length:
			return iban, text[i:]
		case isAlphanumeric(b):
			iban = append(iban, upper(b))
		case b != ' ' && b != '-' || len(iban)%4 != 0 || !isAlphanumeric(text[i-1]):
			return iban, text[i:]
		}
	}
	return iban, nil
}

// upper is the capital of a letter; a digit stays one.
func upper(b byte) byte {
	if isLetter(b) {
		return b &^ 0x20
	}
	return b
}

// mod97 says whether the check digits are those of the rest: the whole, its first
// four characters at the end and letters as numbers from 10, leaves 1 (ISO 7064).
func mod97(iban []byte) bool {
	remainder := 0
	for i := range iban {
		b := iban[(i+4)%len(iban)]
		if isDigit(b) {
			remainder = (remainder*10 + int(b-'0')) % 97
			continue
		}
		remainder = (remainder*100 + int(b-'A') + 10) % 97
	}
	return isDigit(iban[2]) && isDigit(iban[3]) && remainder == 1
}
