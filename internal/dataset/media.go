package dataset

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// mediaState is what is known about the media of one record.
type mediaState struct {
	// kind is the block's that is being read: "image", "video" or "document".
	kind                      string
	images, videos, documents int
}

// mediaFormats are the file formats of each kind, as the Nova guide has them;
// Llama 3.2's images are the same.
var mediaFormats = map[string][]string{
	"image":    {"png", "jpeg", "gif", "webp"},
	"video":    {"mov", "mkv", "mp4", "webm"},
	"document": {"pdf"},
}

// doubtfulFormats are those that Nova's guides name, and Bedrock's guide and the
// sample validator leave out for Nova 2.
var doubtfulFormats = []string{"webp", "webm"}

// mediaBlock checks an image, a video or a document by its structure. What it
// points to is not read; where Options.MediaSize is there, its size is asked for.
func (c *cursor) mediaBlock(kind string, column int, role string) {
	switch {
	case !c.rules.takesMedia(kind):
		c.skip()
		c.add(CodeMediaBlock, column, c.rules.model()+" takes no "+kind+": remove the block, or choose a base model that does")
		return
	case role == roleAssistant:
		c.skip()
		c.add(CodeBlockInWrongTurn, column, "the assistant's messages are text: move the "+kind+" into a user message, or remove it")
		return
	case kind == "image":
		c.hasImage = true
		c.media.images++
	case kind == "video":
		c.hasVideo = true
		c.media.videos++
	case kind == "document":
		c.hasDocument = true
		c.media.documents++
	}
	c.media.kind = kind
	c.object("a block of the kind "+kind, mediaMembers)
}

var (
	mediaMembers = []member{
		{"format", "the file's format", (*cursor).mediaFormat},
		{"source", "an object, {\"s3Location\": {\"uri\": ...}}", func(c *cursor) { c.object("source", sourceMembers) }},
		// A document may have a name, as in the Converse API.
		{"name", "", nil},
	}
	sourceMembers = []member{
		{"s3Location", "an object, {\"uri\": ...}", func(c *cursor) { c.object("s3Location", locationMembers) }},
	}
	locationMembers = []member{
		{"uri", "an S3 URI", (*cursor).mediaURI},
		{"bucketOwner", "", (*cursor).bucketOwner},
	}
)

func (c *cursor) mediaFormat() {
	format, column, ok := c.name("the format")
	if !ok {
		return
	}
	known := mediaFormats[c.media.kind]
	switch lower := strings.ToLower(format); {
	case !contains(known, lower):
		c.add(CodeMediaFormat, column, "the format of a "+c.media.kind+" must be "+orList(known)+": convert the file")
	case c.rules.NarrowMedia && contains(doubtfulFormats, lower):
		c.add(CodeDoubtfulMediaFormat, column, "for Nova 2, Nova's guide names this format, Bedrock's guide and AWS's sample validator leave it out: use "+orList(without(known, doubtfulFormats)))
	}
}

var (
	bucketName   = regexp.MustCompile(`^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$`)
	plainKey     = regexp.MustCompile(`^[A-Za-z0-9_\-/.]+$`)
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	s3Scheme     = []byte("s3://")
	mediaExample = "s3://bucket/key"
)

// mediaURI checks where a file lies.
func (c *cursor) mediaURI() {
	column := c.column()
	if !c.expect('"', "an S3 URI, "+mediaExample) {
		return
	}
	uri := c.str()
	if c.err != nil {
		return
	}
	if c.seeValue != nil {
		c.seeValue(uri)
	}
	location, ok := bytes.CutPrefix(uri, s3Scheme)
	bucket, key, _ := bytes.Cut(location, []byte("/"))
	switch {
	case !ok || !bucketName.Match(bucket) || len(key) == 0:
		c.add(CodeMediaLocation, column, "the URI must name an object in S3, as "+mediaExample)
	case c.rules.PlainNames && !plainKey.Match(key):
		c.add(CodeMediaLocation, column, "an object's name may hold letters, digits, _, -, / and . only: rename the object")
	case !straight(string(key)):
		c.add(CodeMediaLocation, column, "an object's name may have no empty part between two /, and none that is . or .., escaped or not: rename the object")
	case c.rules.Bucket != "" && string(bucket) != c.rules.Bucket:
		c.add(CodeMediaBucket, column, "the file must lie in the data set's own bucket: copy it there"+c.rules.mediaPlace(", to "))
	case !bytes.HasPrefix(key, []byte(c.rules.MediaPrefix)):
		c.add(CodeMediaPrefix, column, "a job reads media from one place only: copy the file"+c.rules.mediaPlace(" to ")+", and correct the URI")
	case c.mediaSize != nil:
		c.mediaFile(key, column)
	}
}

// straight says whether a key, taken for a path, leads where it says: an object's name
// is no path to S3, but a program on the way may tidy it up or undo its escapes.
func straight(key string) bool {
	for range maxEscaped {
		for part := range strings.SplitSeq(strings.ReplaceAll(key, `\`, "/"), "/") {
			if part == "" || part == "." || part == ".." {
				return false
			}
		}
		plain, err := url.PathUnescape(key)
		if err != nil || plain == key {
			return true
		}
		key = plain
	}
	return false
}

// maxEscaped is how often a key may have been escaped.
const maxEscaped = 4

// mediaPlace names the one place for media in a message, after a word; "" when
// there is none.
func (r Rules) mediaPlace(word string) string {
	if r.MediaPrefix == "" {
		return ""
	}
	return word + "s3://" + r.Bucket + "/" + r.MediaPrefix
}

// mediaFile looks for a file in S3, and at its size.
func (c *cursor) mediaFile(key []byte, column int) {
	most := c.rules.MaxImageBytes
	switch c.media.kind {
	case "video":
		most = c.rules.MaxVideoBytes
	case "document":
		most = c.rules.MaxDocumentBytes
	}
	switch size := c.mediaSize(key); {
	case size == MediaMissing:
		c.add(CodeMediaMissing, column, "there is no such object: upload the file before the data set, or correct the URI")
	case size == 0:
		c.add(CodeMediaSize, column, "the file is empty: upload it again")
	case most > 0 && size > most:
		c.add(CodeMediaSize, column, fmt.Sprintf("the file has %d bytes, %d are allowed: make it smaller", size, most))
	}
}

func (c *cursor) bucketOwner() {
	owner, column, ok := c.name("the bucket's owner")
	if ok && !accountID.MatchString(owner) {
		c.add(CodeMediaLocation, column, "the bucket's owner must be an AWS account, 12 digits")
	}
}

// countMedia compares a record's media with what one record may hold.
func (c *cursor) countMedia(column int) {
	if most := c.rules.MaxImages; most > 0 && c.media.images > most {
		c.add(CodeMediaCount, column, fmt.Sprintf("the record has %d images, %d are allowed: split it", c.media.images, most))
	}
	if c.media.videos > 1 {
		c.add(CodeMediaCount, column, fmt.Sprintf("the record has %d videos, one is allowed: split it", c.media.videos))
	}
	if c.media.documents > 1 {
		c.add(CodeManyDocuments, column, fmt.Sprintf("the record has %d documents, AWS's sample validator takes one: split it if you can", c.media.documents))
	}
}

// imageCaption checks {"image-ref": "s3://...", "caption": string}, the form of
// Titan's image models (Bedrock User Guide, "Prepare your training datasets").
func imageCaption(c *cursor) {
	c.wanted = FormatImageCaption
	start := c.open()
	var image, caption bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "image-ref":
			image = true
			c.hasImage = true
			c.mediaURI()
		case "caption":
			caption = true
			c.user++
			c.caption()
		default:
			c.skip()
			c.add(CodeExtraKey, column, "this key is not trained on: remove it, or move what it holds into the caption")
		}
	}
	c.close()
	c.missing(image, start, "image-ref", "an S3 URI")
	c.missing(caption, start, "caption", "a string")
}

// caption checks an image's caption, which one model allows to be empty.
func (c *cursor) caption() {
	before := c.characters
	text, column, ok := c.anyText()
	if !ok {
		return
	}
	n, least, most := c.characters-before, c.limits.MinCaption, c.limits.MaxCaption
	switch {
	case n < least:
		c.add(CodeCaptionLength, column, fmt.Sprintf("the caption has %s, at least %d are needed: say more about the image", count(n, "character"), least))
	case most > 0 && n > most:
		c.add(CodeCaptionLength, column, fmt.Sprintf("the caption has %s, %d are allowed: shorten it", count(n, "character"), most))
	case n > 0 && blank(text):
		c.add(CodeBlankText, column, "the caption is white space: say what the image shows")
	}
}
