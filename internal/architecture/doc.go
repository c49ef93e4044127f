// Package architecture holds the project to its own picture: which room may
// import what, executed as a test over "go list -deps". The picture itself is
// in docs/architecture.md.
package architecture
