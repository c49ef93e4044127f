package s3object

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ErrChecksum says that the bytes read are not those S3 has the checksum of.
// Reading them again helps if they changed on the way.
var ErrChecksum = errors.New("the bytes do not have the checksum that S3 keeps of the object")

// checksum is what S3 keeps of a whole object.
type checksum struct {
	// algorithm is S3's name for it, "" when there is none to compare with.
	algorithm string
	// want is the value as S3 writes it: base64 of the big-endian bytes.
	want string
	make func() hash.Hash
}

// nvme is the polynomial of CRC-64/NVME, reflected: the checksum that S3 makes
// of an object whose uploader made none
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// checksumOf takes the checksum out of HeadObject's answer. One made of the
// checksums of an upload's parts says nothing about the bytes without the parts'
// sizes; S3 marks it COMPOSITE, and ends it with a hyphen and their number.
func checksumOf(out *s3.HeadObjectOutput) checksum {
	if out.ChecksumType == types.ChecksumTypeComposite {
		return checksum{}
	}
	kept := []struct {
		algorithm types.ChecksumAlgorithm
		value     *string
		make      func() hash.Hash
	}{
		{types.ChecksumAlgorithmCrc32, out.ChecksumCRC32, func() hash.Hash { return crc32.NewIEEE() }},
		{types.ChecksumAlgorithmCrc32c, out.ChecksumCRC32C, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
		{types.ChecksumAlgorithmCrc64nvme, out.ChecksumCRC64NVME, func() hash.Hash { return crc64.New(nvme) }},
		{types.ChecksumAlgorithmSha256, out.ChecksumSHA256, sha256.New},
	}
	for _, k := range kept {
		if value := aws.ToString(k.value); value != "" && !strings.Contains(value, "-") {
			return checksum{string(k.algorithm), value, k.make}
		}
	}
	return checksum{}
}

// verify returns a reader of the object's bytes that ends with ErrChecksum when
// they are not what the checksum is of.
func (c checksum) verify(r io.ReadCloser) io.ReadCloser {
	if c.algorithm == "" {
		return r
	}
	return &verified{ReadCloser: r, checksum: c, sum: c.make()}
}

type verified struct {
	io.ReadCloser
	checksum checksum
	sum      hash.Hash
}

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.sum.Write(p[:n]) // a hash's Write returns no error
	if errors.Is(err, io.EOF) {
		if got := base64.StdEncoding.EncodeToString(v.sum.Sum(nil)); got != v.checksum.want {
			return n, fmt.Errorf("%w: %s is %s, and %s is kept", ErrChecksum, v.checksum.algorithm, got, v.checksum.want)
		}
	}
	return n, err
}
