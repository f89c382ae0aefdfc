//go:build race

package metadata

// checked enables the assertions that walk whole structures.
const checked = true
