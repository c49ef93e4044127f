package calls

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	isoBasic   = "20060102T150405Z"
	maxSkew    = 15 * time.Minute
	maxPresign = 7 * 24 * time.Hour
)

// signature is what a request says about its own signature.
type signature struct {
	accessKeyID   string
	date          string // of the scope, yyyymmdd
	region        string
	service       string
	signedHeaders []string // lower case, sorted
	value         string
	time          time.Time
	token         string
	presigned     bool
	expires       time.Duration // of a presigned URL
}

// parseSignature reads the Authorization header or the presigned query.
func parseSignature(r *http.Request) (signature, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return parseHeader(r, header)
	}
	query := r.URL.Query()
	if query.Has("X-Amz-Signature") || query.Has("X-Amz-Algorithm") {
		return parseQuery(query)
	}
	return signature{}, ErrUnsigned
}

func parseHeader(r *http.Request, header string) (signature, error) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, refuse(ErrMalformed, "the authorization header is not %s", algorithm)
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(isoBasic, date)
	if date == "" {
		at, err = http.ParseTime(r.Header.Get("Date"))
	}
	if err != nil {
		return signature{}, refuse(ErrMalformed, "the request has no valid X-Amz-Date or Date header")
	}
	sig := signature{
		signedHeaders: strings.Split(fields["SignedHeaders"], ";"),
		value:         fields["Signature"],
		time:          at,
		token:         r.Header.Get("X-Amz-Security-Token"),
	}
	return sig, sig.setCredential(fields["Credential"])
}

func parseQuery(query url.Values) (signature, error) {
	if got := query.Get("X-Amz-Algorithm"); got != algorithm {
		return signature{}, refuse(ErrMalformed, "X-Amz-Algorithm %q is not %s", got, algorithm)
	}
	at, err := time.Parse(isoBasic, query.Get("X-Amz-Date"))
	if err != nil {
		return signature{}, refuse(ErrMalformed, "X-Amz-Date must be in the ISO8601 basic format")
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxPresign {
		return signature{}, refuse(ErrMalformed, "X-Amz-Expires must be between 1 and 604800 seconds")
	}
	sig := signature{
		signedHeaders: strings.Split(query.Get("X-Amz-SignedHeaders"), ";"),
		value:         query.Get("X-Amz-Signature"),
		time:          at,
		token:         query.Get("X-Amz-Security-Token"),
		presigned:     true,
		expires:       time.Duration(seconds) * time.Second,
	}
	return sig, sig.setCredential(query.Get("X-Amz-Credential"))
}

// setCredential takes "<access key>/<date>/<region>/<service>/aws4_request"
// apart and checks that nothing of the signature is missing.
func (s *signature) setCredential(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" {
		return refuse(ErrMalformed, "the credential must have the form <access key>/<date>/<region>/<service>/aws4_request")
	}
	if s.value == "" || s.signedHeaders[0] == "" {
		return refuse(ErrMalformed, "SignedHeaders and Signature are required")
	}
	s.accessKeyID, s.date, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	return nil
}

func (s *signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}

// checkScope checks service, region, day and that what must be signed is.
func (s *signature) checkScope(r *http.Request, service, region string) error {
	if s.presigned && service != "s3" {
		return refuse(ErrMalformed, "%s takes no presigned requests here", service)
	}
	if s.service != service {
		return refuse(ErrScope, "credential should be scoped to correct service: %q", service)
	}
	if region != "" && s.region != region {
		return refuse(ErrScope, "credential should be scoped to a valid region, expecting %q, not %q", region, s.region)
	}
	if s.date != s.time.UTC().Format("20060102") {
		return refuse(ErrScope, "date in credential scope does not match the date of the request")
	}
	if !slices.Contains(s.signedHeaders, "host") {
		return refuse(ErrUnsignedHeader, "'Host' must be a signed header")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.signedHeaders, lower) {
			return refuse(ErrUnsignedHeader, "there were headers present in the request which were not signed: %s", lower)
		}
	}
	return nil
}

// checkTime holds the request's date against now, the real time.
func (s *signature) checkTime(now time.Time) error {
	age := now.Sub(s.time)
	if s.presigned && age > s.expires {
		return refuse(ErrURLExpired, "Request has expired")
	}
	if age < -maxSkew || (!s.presigned && age > maxSkew) {
		return refuse(ErrSkewed, "the difference between the request time and the current time is too large")
	}
	return nil
}

// matches recomputes the signature over r with the secret and compares.
func (s *signature) matches(r *http.Request, secret, payload string) bool {
	canonical := strings.Join([]string{
		r.Method,
		canonicalPath(r.URL, s.service),
		canonicalQuery(r.URL.RawQuery),
		canonicalHeaders(r, s.signedHeaders),
		strings.Join(s.signedHeaders, ";"),
		payload,
	}, "\n")
	toSign := strings.Join([]string{algorithm, s.time.UTC().Format(isoBasic), s.scope(), hexSum(canonical)}, "\n")
	return equal(s.value, hex.EncodeToString(hmacSum(s.signingKey(secret), toSign)))
}

func (s *signature) signingKey(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = hmacSum(key, part)
	}
	return key
}

// canonicalPath is escaped once for S3, whose keys are taken as they are, and
// twice for every other service: the path as sent, escaped again.
func canonicalPath(u *url.URL, service string) string {
	path := u.EscapedPath()
	if service == "s3" {
		path = u.Path
	}
	if path == "" {
		path = "/"
	}
	return escape(path, "/")
}

func canonicalQuery(raw string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		if pair == "" || name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, escape(name, "")+"="+escape(value, ""))
	}
	sort.Strings(pairs)
	return strings.Join(pairs, "&")
}

// canonicalHeaders takes exactly the headers that were signed; net/http keeps
// Host outside the header map.
func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(trimmed, ",") + "\n")
	}
	return b.String()
}

// escape is the URI encoding of the signing algorithm: everything but the
// unreserved characters of RFC 3986 and those in keep.
func escape(s, keep string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			strings.IndexByte("-._~"+keep, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func hmacSum(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func hexSum(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
