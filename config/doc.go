// Package config reads a controller's configuration. The names are Kafka's; they come from Kafka's
// own controller.properties (or the same names in YAML or JSON), from the environment and from the
// command line, each overriding the one before.
//
// Load returns a typed Config, or one Error that lists every setting that cannot be used. It also
// returns Notices about everything else worth knowing, such as unknown keys and keys without effect
// on a controller.
//
// The package also reads and writes meta.properties, the file that names the cluster and the node
// that a directory belongs to.
//
// A Config must not be changed once it has been loaded; it may then be shared by goroutines.
package config
