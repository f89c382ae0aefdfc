package quota

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// Filter selects entities by their parts.
type Filter struct {
	strict bool // entities with further parts do not match
	// names has the type of each part that must be there, with the name that it must have; anyName
	// where every name will do. A nil name is the default of that type.
	names map[string]*string
}

// anyName stands for every name, the default included.
var anyName = new(string)

// NewFilter reads the filter of a DESCRIBE_CLIENT_QUOTAS request (ClientQuotasImage.describe).
func NewFilter(req *kmsg.DescribeClientQuotasRequest) (*Filter, *protocol.Error) {
	f := &Filter{strict: req.Strict, names: make(map[string]*string)}
	for i := range req.Components {
		if err := f.add(&req.Components[i]); err != nil {
			return nil, err
		}
	}
	if _, ip := f.names[TypeIP]; ip && len(f.names) > 1 {
		return nil, invalid("Invalid entity filter component combination. " +
			"IP filter component should not be used with user or clientId filter component.")
	}
	return f, nil
}

func (f *Filter) add(c *kmsg.DescribeClientQuotasRequestComponent) *protocol.Error {
	_, again := f.names[c.EntityType]
	switch {
	case c.EntityType == "":
		return invalid("Invalid empty entity type.")
	case again:
		return invalid("Entity type %s cannot appear more than once in the filter.", c.EntityType)
	case c.EntityType != TypeUser && c.EntityType != TypeClientID && c.EntityType != TypeIP:
		return protocol.Errorf(kerr.UnsupportedVersion, "Unsupported entity type %s", c.EntityType)
	}
	name := c.Match
	switch c.MatchType {
	case kmsg.QuotasMatchTypeExact:
		if c.Match == nil {
			return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.")
		}
	case kmsg.QuotasMatchTypeDefault:
		if c.Match != nil {
			return invalid("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.")
		}
	case kmsg.QuotasMatchTypeAny:
		if c.Match != nil {
			return invalid(
				"Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.")
		}
		name = anyName
	default:
		return invalid("Unknown match type %d", int8(c.MatchType))
	}
	f.names[c.EntityType] = name
	return nil
}

// Matches reports whether the filter selects the entity of q.
func (f *Filter) Matches(q *metadata.Quota) bool {
	if f.strict && len(q.Entity) != len(f.names) {
		return false
	}
	matched := 0
	for _, e := range q.Entity {
		name, asked := f.names[e.Type]
		switch {
		case !asked:
			continue
		case name == anyName, name == nil && e.Name == nil:
		case name == nil || e.Name == nil || *name != *e.Name:
			return false
		}
		matched++
	}
	return matched == len(f.names)
}
