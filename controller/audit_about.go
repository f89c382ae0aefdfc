package controller

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// about describes in bounded length what a write request is about: the names in it, never a value,
// which may be a secret. It is empty for requests of brokers and controllers.
func about(req kmsg.Request) string {
	var s summary
	switch r := req.(type) {
	case *kmsg.CreateTopicsRequest:
		each(&s, r.Topics, func(t *kmsg.CreateTopicsRequestTopic) string { return t.Topic })
	case *kmsg.DeleteTopicsRequest:
		each(&s, r.TopicNames, func(name *string) string { return *name })
		each(&s, r.Topics, aboutDeletedTopic)
	case *kmsg.CreatePartitionsRequest:
		each(&s, r.Topics, func(t *kmsg.CreatePartitionsRequestTopic) string {
			return fmt.Sprintf("%s to %d", cutName(t.Topic), t.Count)
		})
	case *kmsg.ElectLeadersRequest:
		if r.Topics == nil {
			return "all partitions"
		}
		each(&s, r.Topics, func(t *kmsg.ElectLeadersRequestTopic) string { return t.Topic })
	case *kmsg.AlterPartitionAssignmentsRequest:
		each(&s, r.Topics, func(t *kmsg.AlterPartitionAssignmentsRequestTopic) string {
			return t.Topic
		})
	case *kmsg.UpdateFeaturesRequest:
		each(&s, r.FeatureUpdates, func(f *kmsg.UpdateFeaturesRequestFeatureUpdate) string {
			return fmt.Sprintf("%s to %d", cutName(f.Feature), f.MaxVersionLevel)
		})
	case *kmsg.UnregisterBrokerRequest:
		return fmt.Sprintf("broker %d", r.BrokerID)
	default:
		s.aboutSecurity(req)
	}
	return s.String()
}

func (s *summary) aboutSecurity(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.CreateACLsRequest:
		each(s, r.Creations, func(c *kmsg.CreateACLsRequestCreation) string {
			return bindingOf(c).String()
		})
	case *kmsg.DeleteACLsRequest:
		each(s, r.Filters, aboutFilter)
	case *kmsg.CreateDelegationTokenRequest:
		if r.OwnerPrincipalType != nil && r.OwnerPrincipalName != nil && *r.OwnerPrincipalName != "" {
			s.add("for " + *r.OwnerPrincipalType + ":" + *r.OwnerPrincipalName)
		}
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		each(s, r.Deletions, func(d *kmsg.AlterUserSCRAMCredentialsRequestDeletion) string {
			return "without " + d.Name
		})
		each(s, r.Upsertions, func(u *kmsg.AlterUserSCRAMCredentialsRequestUpsertion) string {
			return u.Name
		})
	default:
		s.aboutConfigs(req)
	}
}

func (s *summary) aboutConfigs(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.AlterConfigsRequest:
		each(s, r.Resources, func(res *kmsg.AlterConfigsRequestResource) string {
			var keys summary
			each(&keys, res.Configs, func(c *kmsg.AlterConfigsRequestResourceConfig) string {
				return c.Name
			})
			return aboutResource(res.ResourceType, res.ResourceName, keys)
		})
	case *kmsg.IncrementalAlterConfigsRequest:
		each(s, r.Resources, func(res *kmsg.IncrementalAlterConfigsRequestResource) string {
			var keys summary
			each(&keys, res.Configs, func(c *kmsg.IncrementalAlterConfigsRequestResourceConfig) string {
				return c.Name
			})
			return aboutResource(res.ResourceType, res.ResourceName, keys)
		})
	case *kmsg.AlterClientQuotasRequest:
		each(s, r.Entries, aboutQuota)
	case *kmsg.UnregisterControllerRequest:
		s.add(fmt.Sprintf("controller %d", r.ControllerID))
	}
}

func aboutDeletedTopic(t *kmsg.DeleteTopicsRequestTopic) string {
	if t.Topic != nil {
		return *t.Topic
	}
	return "id " + protocol.UUID(t.TopicID).String()
}

func aboutFilter(f *kmsg.DeleteACLsRequestFilter) string {
	or := func(text *string, otherwise string) string {
		if text == nil {
			return otherwise
		}
		return cutName(*text)
	}
	return fmt.Sprintf("%s from %s: %s on %v %s", or(f.Principal, "anyone"), or(f.Host, "anywhere"),
		acls.OperationText(int8(f.Operation)), f.ResourceType, or(f.ResourceName, "of any name"))
}

func aboutResource(kind kmsg.ConfigResourceType, name string, keys summary) string {
	return fmt.Sprintf("%v %q (%v)", kind, cutName(name), keys)
}

func aboutQuota(e *kmsg.AlterClientQuotasRequestEntry) string {
	var entity, keys summary
	each(&entity, e.Entity, func(part *kmsg.AlterClientQuotasRequestEntryEntity) string {
		if part.Name == nil {
			return "default " + part.Type
		}
		return part.Type + " " + cutName(*part.Name)
	})
	each(&keys, e.Ops, func(o *kmsg.AlterClientQuotasRequestEntryOp) string { return o.Key })
	return fmt.Sprintf("%v (%v)", entity, keys)
}

// summary is a list of names of bounded length.
type summary struct {
	names []string
	more  int
}

const (
	summaryNames = 5
	// summaryBytes bounds a name, which may be a list of names.
	summaryBytes = 200
)

func (s *summary) add(name string) { s.names = append(s.names, cutName(name)) }

// each adds the elements of a list, of which it describes only the first ones.
func each[E any](s *summary, list []E, describe func(*E) string) {
	for i := range list {
		if len(s.names) == summaryNames {
			s.more += len(list) - i
			return
		}
		s.add(describe(&list[i]))
	}
}

// cutName cuts a name that is too long for a log.
func cutName(name string) string {
	if len(name) <= summaryBytes {
		return name
	}
	return strings.ToValidUTF8(name[:summaryBytes], "") + "..."
}

// String is the list of names, and how many more there are.
func (s summary) String() string {
	text := strings.Join(s.names, ", ")
	if s.more > 0 {
		text += fmt.Sprintf(" and %d more", s.more)
	}
	return text
}
