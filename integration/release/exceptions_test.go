package release

// exceptions are the intended differences between what Kafka defines and what YAKt does.
var exceptions = map[string]string{
	"api 3: 0-13 is additional": "clients may use a controller as their seed",
	"api 10: 0-6 is additional": "clients may use a controller as their seed",
	"api 22: 0-5 is additional": "clients may use a controller as their seed",
	"api 75: 0-0 is additional": "clients may use a controller as their seed",
	"api 48: 0-1 is additional": "quotas can be read without a broker",
	"api 74: 0-1 is additional": "configs can be listed without a broker",

	"api 52: 0-2 is missing": "the quorum votes by its own protocol, etcd's raft",
	"api 53: 0-1 is missing": "the quorum votes by its own protocol, etcd's raft",
	"api 54: 0-1 is missing": "the quorum votes by its own protocol, etcd's raft",
	"api 80: 0-1 is missing": "voters cannot be added or removed yet",
	"api 81: 0-0 is missing": "voters cannot be added or removed yet",
	"api 82: 0-0 is missing": "voters cannot be added or removed yet",

	"group config streams.assignor.name: STRING \"sticky\" instead of STRING <null>": "its " +
		"value is that of group.streams.assignors, as in Kafka",

	"error 6: NOT_LEADER_FOR_PARTITION instead of NOT_LEADER_OR_FOLLOWER": "its old name, " +
		"which the client library kept; only the code is on the wire",
}
