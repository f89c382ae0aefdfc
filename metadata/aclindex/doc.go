// Package aclindex finds the access control entries that are about a request, with the rules of
// Kafka's StandardAuthorizer.
package aclindex
