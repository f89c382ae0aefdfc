// Package tokens shows the same signed tokens of OAUTHBEARER, thousands of them, to Apache Kafka's
// validator and to ours, and compares every verdict. It consists of the test only.
//
// Each token is drawn claim by claim and header by header, mostly good with a fault here and there.
// Where we refuse what Kafka takes, the reason must be one of the intended ones (see package
// security/oauth). We never take what Kafka refuses, except a token without a key id, which we try
// with more than one key.
package tokens
