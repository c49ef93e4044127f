package advice

import (
	"bytes"

	"github.com/tuneline/tuneline/internal/dataset"
)

// The kinds of personal data that are looked for; a suspicion names one.
const (
	kindEmail = "e-mail address"
	kindCard  = "card number"
	kindIBAN  = "IBAN"
)

// PersonalData returns an inspector that looks for e-mail addresses, numbers of
// payment cards and IBANs, and for nothing else: names, telephone numbers,
// addresses, numbers of documents and much more stay unseen. A suspicion names
// the kind once for a text.
//
// An e-mail address is written in ASCII and has a domain with a top level of
// letters. A card number has 13 to 19 digits, of a length its issuer uses and
// with a check digit by ISO/IEC 7812-1 (Luhn), in one piece or in the groups
// printed on cards. An IBAN has its country's length by the IBAN registry of
// ISO 13616 and check digits by ISO 7064 (mod 97-10), in one piece or in groups
// of four.
func PersonalData() dataset.Inspector { return personalData{} }

type personalData struct{}

// Inspect implements [dataset.Inspector].
func (personalData) Inspect(text []byte) []dataset.Suspicion {
	var suspicions []dataset.Suspicion
	if hasEmail(text) {
		suspicions = append(suspicions, dataset.Suspicion{Code: dataset.CodePersonalData, What: kindEmail})
	}
	card, iban := hasNumbers(text)
	if card {
		suspicions = append(suspicions, dataset.Suspicion{Code: dataset.CodePersonalData, What: kindCard})
	}
	if iban {
		suspicions = append(suspicions, dataset.Suspicion{Code: dataset.CodePersonalData, What: kindIBAN})
	}
	return suspicions
}

// hasNumbers looks at every number in the text, once.
func hasNumbers(text []byte) (card, iban bool) {
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		iban = iban || ibanAt(text, i-2)
		end := numberEnd(text, i)
		card = card || cardIn(text, i, end)
		i = end
	}
	return card, iban
}

// numberEnd is where the digits that begin at i end.
func numberEnd(text []byte, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

// An address's local part and its domain are at most this long (RFC 5321, 4.5.3.1).
const (
	localBytes  = 64
	domainBytes = 255
)

// hasEmail looks at what stands around every @.
func hasEmail(text []byte) bool {
	for at := 0; ; at++ {
		next := bytes.IndexByte(text[at:], '@')
		if next < 0 {
			return false
		}
		at += next
		if localBefore(text[:at]) && domainAfter(text[at+1:]) {
			return true
		}
	}
}

// localBefore says whether the text ends in the local part of an address.
func localBefore(text []byte) bool {
	last := len(text) - 1
	if last < 0 || text[last] == '.' {
		return false
	}
	for i := last; i >= max(0, last-localBytes+1) && isLocal(text[i]); i-- {
		if isAlphanumeric(text[i]) {
			return true
		}
	}
	return false
}

// domainAfter says whether the text begins with a domain name, of at least two
// labels of which the last has two letters or more and nothing else.
func domainAfter(text []byte) bool {
	end := 0
	for end < min(len(text), domainBytes) && (isAlphanumeric(text[end]) || text[end] == '-' || text[end] == '.') {
		end++
	}
	labels := bytes.Split(bytes.TrimRight(text[:end], ".-"), []byte("."))
	for _, label := range labels {
		if len(label) == 0 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	top := labels[len(labels)-1]
	for _, b := range top {
		if !isLetter(b) {
			return false
		}
	}
	return len(labels) > 1 && len(top) > 1
}

func isDigit(b byte) bool        { return b-'0' < 10 }
func isLetter(b byte) bool       { return b|0x20-'a' < 26 }
func isAlphanumeric(b byte) bool { return isDigit(b) || isLetter(b) }

// isLocal says whether a byte may stand in the local part of an address. The
// standard allows more, which nobody has in an address and texts have around one.
func isLocal(b byte) bool {
	switch b {
	case '.', '_', '%', '+', '\'', '-':
		return true
	}
	return isAlphanumeric(b)
}
