// Package config reads a controller's configuration: Kafka's own names, from Kafka's own
// controller.properties (or the same names in YAML or JSON), from the environment and from the
// command line, in that rising order of precedence.
//
// Load answers a typed Config, or one Error that names every bad key at once. What is merely worth
// saying (keys that mean nothing to a controller, keys nobody knows) comes back as Notices. The
// package also reads and writes meta.properties, the file that says which cluster and node a
// directory belongs to.
//
// It imports no package of this module. Nothing here is safe for concurrent change; a loaded Config
// is read-only by convention and may then be shared.
package config
