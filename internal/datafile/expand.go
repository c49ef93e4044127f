package datafile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Expand spells out the names on a command line, for shells that leave patterns
// to the program: a pattern (see [filepath.Match]) becomes the files it matches,
// in their order, without directories. "-", S3 URIs and the paths of existing
// files stay as they are. The error names what stands for no file at all.
func Expand(args []string) ([]string, error) {
	var names []string
	stdin := false
	for _, arg := range args {
		if arg == Stdin && stdin {
			return nil, fmt.Errorf("standard input can be read once only: name %s once", Stdin)
		}
		stdin = stdin || arg == Stdin
		expanded, err := expand(arg)
		if err != nil {
			return nil, err
		}
		names = append(names, expanded...)
	}
	return names, nil
}

func expand(arg string) ([]string, error) {
	switch {
	case arg == "":
		return nil, fmt.Errorf("a file name is empty: name a file, a pattern, an S3 URI, or %s for standard input", Stdin)
	case strings.HasPrefix(arg, s3Scheme):
		_, err := parseObject(arg)
		return []string{arg}, err
	case arg == Stdin, !strings.ContainsAny(arg, `*?[`), exists(arg):
		return []string{arg}, nil
	}
	matches, err := filepath.Glob(arg)
	if err != nil {
		return nil, fmt.Errorf("%s is no pattern: escape the [ with a backslash, or close it: %w", arg, err)
	}
	files := matches[:0]
	for _, match := range matches {
		if info, err := os.Stat(match); err != nil || !info.IsDir() {
			files = append(files, match)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file matches %s: check the pattern: %w", arg, fs.ErrNotExist)
	}
	return files, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
