// Package realm makes what the members and the clients of a secured test cluster share: a
// certificate authority with its certificates, users with passwords, and an issuer of signed
// tokens. It writes them in the words of Kafka's properties, which Apache's controllers and
// brokers, YAKt's nodes and Kafka's tools all read, and as logins for franz-go and for plain
// connections.
//
//	r := realm.New(t)
//	node := r.Properties("controller", realm.Listener{Name: "CONTROLLER", Protocol: realm.SSL})
//	tool := r.Login("admin", realm.SASLSSL, realm.Plain).File(t)
//
// Everything lives in the temporary folder of the test.
package realm
