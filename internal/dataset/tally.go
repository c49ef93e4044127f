package dataset

// tally is what one record adds to the report beside its findings. Every way of
// judging a record must come to the same tally.
type tally struct {
	// characters is the sum of the Unicode characters in the record's texts.
	characters int64
	// The messages by role. A prompt counts as the user's, a completion as the
	// assistant's, a list of system items as one message of the system.
	system, user, assistant, tool int64
	// hasImage, hasVideo and hasDocument: a message holds a block of this kind. One
	// data set must not have more than one of them (CodeMediaMixed).
	hasImage, hasVideo, hasDocument bool
	// answer is the answerMark of a completion, or of the last text of the
	// assistant's message that ends the record; 0 for none. There is no sum of it.
	answer uint64
}

func (t *tally) add(other *tally) {
	t.characters += other.characters
	t.system += other.system
	t.user += other.user
	t.assistant += other.assistant
	t.tool += other.tool
	t.hasImage = t.hasImage || other.hasImage
	t.hasVideo = t.hasVideo || other.hasVideo
	t.hasDocument = t.hasDocument || other.hasDocument
}

// mediaKinds names the kinds of media that there are.
func (t *tally) mediaKinds() []string {
	var kinds []string
	for _, kind := range []struct {
		name string
		has  bool
	}{{"images", t.hasImage}, {"videos", t.hasVideo}, {"documents", t.hasDocument}} {
		if kind.has {
			kinds = append(kinds, kind.name)
		}
	}
	return kinds
}
