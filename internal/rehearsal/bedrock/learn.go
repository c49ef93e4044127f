package bedrock

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// learnt is what a tuned model knows: the rows it was trained on, and an
// index that finds the row nearest to a question. The index is built when the
// model is asked for the first time.
type learnt struct {
	examples []example

	build    sync.Once
	postings map[uint32][]posting
	weight   map[uint32]float64 // inverse document frequency
}

// posting is one row's weight for a feature.
type posting struct {
	row    int32
	weight float32
}

// nearEnough is the similarity (cosine, 0 to 1) from which a row counts as
// what was asked for; below it the model answers like its base.
const nearEnough = 0.16

// maxText bounds how much of a prompt is indexed, in bytes from either end.
const maxText = 1500

func newLearnt(examples []example) *learnt { return &learnt{examples: examples} }

// feature is one feature of a text with its weight.
type feature struct {
	id     uint32
	weight float64
}

// answer returns the completion that fits the question best and how near its
// prompt is. Rows with the same completion support each other a little.
func (l *learnt) answer(question string) (completion string, score float64) {
	l.build.Do(l.index)
	similarity := make([]float64, len(l.examples))
	for _, f := range l.vector(features(question)) {
		for _, p := range l.postings[f.id] {
			similarity[p.row] += f.weight * float64(p.weight)
		}
	}
	best, support := map[string]float64{}, map[string]float64{}
	for row, s := range similarity {
		text := l.examples[row].completion
		support[text] += s
		best[text] = math.Max(best[text], s)
	}
	var winner float64
	for text, s := range best {
		vote := s + 0.1*math.Min(support[text]-s, s)
		if vote > winner || (vote == winner && text < completion) {
			completion, score, winner = text, s, vote
		}
	}
	return completion, score
}

// index builds the inverted index over the prompts.
func (l *learnt) index() {
	counts := make([][]feature, len(l.examples))
	frequency := map[uint32]int{}
	for i, e := range l.examples {
		counts[i] = features(e.prompt)
		for _, f := range counts[i] {
			frequency[f.id]++
		}
	}
	l.weight = make(map[uint32]float64, len(frequency))
	for f, n := range frequency {
		l.weight[f] = math.Log(1 + float64(len(l.examples))/float64(n))
	}
	l.postings = make(map[uint32][]posting, len(frequency))
	for i, c := range counts {
		for _, f := range l.vector(c) {
			l.postings[f.id] = append(l.postings[f.id], posting{int32(i), float32(f.weight)})
		}
	}
}

// vector weighs features by how rare they are and scales them to length 1. A
// feature no row has keeps a weight of its own: a question about something
// else must not look near.
func (l *learnt) vector(counted []feature) []feature {
	unseen := math.Log(1+float64(len(l.examples))) / 2
	var square float64
	for i, f := range counted {
		idf, seen := l.weight[f.id]
		if !seen {
			idf = unseen
		}
		counted[i].weight = f.weight * idf
		square += counted[i].weight * counted[i].weight
	}
	for i := range counted {
		counted[i].weight /= math.Sqrt(square)
	}
	return counted
}

// Weights of the kinds of features. Stems carry the meaning, pairs of words
// the phrase, and n-grams of characters what inflection and typing leave.
const (
	stemWeight = 1.0
	pairWeight = 0.5
	gramWeight = 0.35
)

// features counts a text's word stems, stem pairs and character n-grams, each
// damped by its logarithm and multiplied with the weight of its kind. They are
// sorted, so that sums of them are the same in every run.
func features(text string) []feature {
	counts := map[uint32]float64{}
	kinds := map[uint32]float64{}
	add := func(kind float64, name string) {
		f := hash(name)
		counts[f]++
		kinds[f] = kind
	}
	last := ""
	for _, word := range words(clip(text)) {
		stem := stemOf(word)
		add(stemWeight, "w "+stem)
		if last != "" {
			add(pairWeight, "p "+last+" "+stem)
		}
		last = stem
		for _, gram := range grams(word) {
			add(gramWeight, "g "+gram)
		}
	}
	counted := make([]feature, 0, len(counts))
	for f, n := range counts {
		counted = append(counted, feature{f, kinds[f] * (1 + math.Log(n))})
	}
	slices.SortFunc(counted, func(a, b feature) int { return cmp.Compare(a.id, b.id) })
	return counted
}

// clip keeps both ends of a long text, where instructions stand.
func clip(text string) string {
	if len(text) <= 2*maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + " " + strings.ToValidUTF8(text[len(text)-maxText:], "")
}

// words are the lower-case words of a text that mean something; when it has
// none, all of them.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	var meaning []string
	for _, word := range all {
		if !stopWords[word] {
			meaning = append(meaning, word)
		}
	}
	if len(meaning) == 0 {
		return all
	}
	return meaning
}

// stemOf cuts the commonest English endings, never below three letters.
func stemOf(word string) string {
	for _, ending := range []string{"ations", "ation", "ments", "ment", "ingly", "ings", "ing", "edly", "ies", "ed", "es", "ly", "s", "e", "y"} {
		if stem, ok := strings.CutSuffix(word, ending); ok && len(stem) >= 3 {
			return stem
		}
	}
	return word
}

// grams are the character n-grams of a word with its boundaries: four
// letters, or two where a script writes a word in few signs.
func grams(word string) []string {
	n := 4
	if r, _ := utf8.DecodeRuneInString(word); r > 0x2E80 {
		n = 2
	}
	runes := []rune("^" + word + "$")
	var all []string
	for i := 0; i+n <= len(runes); i++ {
		all = append(all, string(runes[i:i+n]))
	}
	return all
}

func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum32()
}

// stopWords are words that say little about what is asked.
var stopWords = func() map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(`a about am an and any are as at be been but by can could did do does
		for from get got had has have how i if in into is it its just let like may me might must my need of on
		one or our please shall should so some tell than that the their them then there these they this to up
		us want was we were what when where which while who whom why will with would you your d ll m re s t ve`) {
		set[word] = true
	}
	return set
}()

// baseAnswers are what a base model says: fluent, of no use, and never from
// anybody's training data.
var baseAnswers = []string{
	"There are several ways to look at this. In general it helps to gather the facts first, compare the options and then decide on the step that fits your situation.",
	"That depends on the circumstances. A sensible start is to check the official documentation and to ask the people who are responsible for it.",
	"This is an interesting question. Broadly speaking, opinions differ, and the details matter more than any rule of thumb.",
	"I can only offer general guidance here: describe the goal, list what you already know, and work through the open points one at a time.",
}

// baseAnswer is the deterministic answer of a base model.
func baseAnswer(question string) string {
	return baseAnswers[int(hash(question)%uint32(len(baseAnswers)))] //nolint:gosec // four answers
}
