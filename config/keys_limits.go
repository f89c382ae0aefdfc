package config

// RequestLimits bounds the entries in one request; see requestLimitKeys. Each is 1 or more.
type RequestLimits struct {
	Topics, Partitions, Changes, Resources, Configs int32
	Directories, Listeners, Features                int32
}

// requestLimitKeys limit the entries in one request. A request with more is refused before anything
// is done for it.
func requestLimitKeys() []use {
	var keys []use
	add := func(name, def, doc string, at func(*RequestLimits) *int32) {
		keys = append(keys, use{
			name: "yakt.max.request." + name, typ: "int", def: def, valid: ">=1", doc: doc,
			bind: toInt32(func(c *Config) *int32 { return at(&c.Clients.Limits) }),
		})
	}
	add("topics", "100000",
		"Most topics that one request may name to read them, or to name their partitions. "+
			"A request that lists more than such a limit allows is refused with POLICY_VIOLATION, before "+
			"anything is done for it.",
		func(l *RequestLimits) *int32 { return &l.Topics })
	add("partitions", "1000000",
		"Most partitions that one request may name, where each succeeds or fails by itself.",
		func(l *RequestLimits) *int32 { return &l.Partitions })
	add("changes", "10000", "Most topics, resources or reassignments in a request to change them. "+
		"What it writes has Kafka's own limit of 10,000 records besides, which cannot be raised.",
		func(l *RequestLimits) *int32 { return &l.Changes })
	add("resources", "100000", "Most resources whose configurations, or groups whose coordinators, "+
		"one request may ask for.",
		func(l *RequestLimits) *int32 { return &l.Resources })
	add("configs", "20000",
		"Most configuration values in one request, those of all its topics or resources together.",
		func(l *RequestLimits) *int32 { return &l.Configs })
	add("directories", "512",
		"Most log directories that a broker may register, or name in a heartbeat.",
		func(l *RequestLimits) *int32 { return &l.Directories })
	add("listeners", "64", "Most listeners that a broker or a controller may register.",
		func(l *RequestLimits) *int32 { return &l.Listeners })
	add("features", "256", "Most features that a broker or a controller may register.",
		func(l *RequestLimits) *int32 { return &l.Features })
	return keys
}
