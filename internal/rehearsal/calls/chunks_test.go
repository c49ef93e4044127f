package calls

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// chunk is one chunk, or the trailer, of an example and its signature.
type chunk struct{ content, signature string }

// Ensure chunk signatures are computed as in the two worked examples of the S3
// API Reference ("Transferring Payload in Multiple Chunks", and "... Including
// Trailing Headers"), which use the documentation's own example credentials.
func TestChunkSigner_PublishedExamples(t *testing.T) {
	for _, tc := range []struct {
		name, headers, seed string
		chunks              []chunk
		trailer             *chunk
	}{
		{
			name:    "chunks",
			headers: "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
			seed:    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
			chunks: []chunk{
				{strings.Repeat("a", 65536), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
				{strings.Repeat("a", 1024), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
				{"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
			},
		},
		{
			name:    "chunks and trailer",
			headers: "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			seed:    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			chunks: []chunk{
				{strings.Repeat("a", 65536), "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"},
				{strings.Repeat("a", 1024), "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"},
				{"", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
			},
			trailer: &chunk{"x-amz-checksum-crc32c:sOO8/Q==\n", "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ring := &Keyring{keys: map[string]issued{"AKIAIOSFODNN7EXAMPLE": {credentials: Credentials{ //nolint:gosec // the example key of AWS's documentation
				SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}}}}
			r := httptest.NewRequest("PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt", nil)
			r.Header.Set("X-Amz-Date", "20130524T000000Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="+
				tc.headers+",Signature="+tc.seed)
			signer, err := ring.ChunkSigner(r)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range tc.chunks {
				if err := signer.Chunk(hexSum(c.content), c.signature); err != nil {
					t.Errorf("chunk %d: got %v, want no error", i, err)
				}
			}
			if tc.trailer != nil {
				if err := signer.Trailer(tc.trailer.content, tc.trailer.signature); err != nil {
					t.Errorf("trailer: got %v, want no error", err)
				}
			}
			if signer.Chunk(hexSum("x"), tc.seed) == nil {
				t.Error("a forged chunk is accepted")
			}
		})
	}
}
