// Package datafile opens the data sets that a person names on a command line:
// a file, a pipe, "-" for standard input, or s3://bucket/key. What is packed
// with gzip or zstd is unpacked on the way. Nothing is kept in memory or on disk.
//
// Names and their forms:
//
//	train.jsonl, data/*.jsonl       files; [Expand] spells out a pattern
//	train.jsonl.gz, train.jsonl.zst told by their first bytes, not by the name
//	-                               standard input
//	s3://bucket/key?versionId=id    an object, in one GET; without a version the current one
//
// Errors of this package name the file and what to do about it, and hold nothing
// of what stands in it.
package datafile

import (
	"context"
	"errors"
	"io"
	"strings"
)

// Stdin is the name of standard input on a command line.
const Stdin = "-"

// ErrChanged says that a file is not, after it was read, what it was before.
var ErrChanged = errors.New("changed while it was read")

// File is an opened data set. It is read once, to its end, and closed.
type File struct {
	// Reader gives the data set's bytes, unpacked. It is for one goroutine.
	io.Reader
	// Name is what messages call the file: its path, its S3 URI, or "stdin".
	Name string
	// Size is how many bytes Reader will give; 0 when that is not known, as of a
	// pipe and of what is packed.
	Size int64
	// Packing is how the bytes were packed, "" when they were not.
	Packing Packing
	// Bucket and Key name an object of S3; both are "" for anything else.
	Bucket, Key string
	// VersionID is the version of the object that is read, "" where the bucket
	// keeps none.
	VersionID string

	stored *counter
	source source
	unpack io.Closer
}

// source is where the stored bytes come from.
type source struct {
	name string
	r    io.Reader
	// size of the stored bytes, 0 when it is not known.
	size int64
	// object is what an S3 URI names, with the version that is read.
	object object
	// unchanged fails with ErrChanged.
	unchanged func() error
	close     func() error
}

// Open opens what the name says; the context bounds the reading as well.
func Open(ctx context.Context, name string) (*File, error) {
	return opener{limits: bombLimits{Bytes: BombBytes, Ratio: BombRatio}, connect: connect}.open(ctx, name)
}

// opener opens files; tests make their own.
type opener struct {
	limits  bombLimits
	connect func(context.Context) (objects, error)
}

func (o opener) open(ctx context.Context, name string) (*File, error) {
	src, err := o.source(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &File{
		Name: src.name, Bucket: src.object.bucket, Key: src.object.key, VersionID: src.object.version,
		stored: &counter{r: src.r}, source: src,
	}
	if err := f.unpackWith(o.limits); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (o opener) source(ctx context.Context, name string) (source, error) {
	switch {
	case name == Stdin:
		return openStdin(ctx)
	case strings.HasPrefix(name, s3Scheme):
		return openObject(ctx, name, o.connect)
	}
	return openPath(ctx, name)
}

// Progress returns how many of the stored bytes were read so far, and how many
// there are, 0 when that is not known. It may be called from any goroutine.
func (f *File) Progress() (read, of int64) { return f.stored.read.Load(), f.source.size }

// Finish says, once everything was read and before Close, whether what was read
// is still what the name stands for: [ErrChanged] when a file has another size
// or time of change than at the beginning, or an object another version. A pipe
// cannot change.
func (f *File) Finish() error { return f.source.unchanged() }

// Close closes the file.
func (f *File) Close() error {
	if f.unpack != nil {
		_ = f.unpack.Close() // it repeats what Read said, without the file's name
	}
	return f.source.close()
}
