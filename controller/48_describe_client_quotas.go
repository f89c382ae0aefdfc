package controller

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_CLIENT_QUOTAS (48), versions 0 and 1.
//
// Behaviour: a read of the committed image, on any node: the quotas of all entities that have the
// parts of the filter, exactly those if it is strict. A filter that is invalid is an error of the
// whole request.
//
// Differs from Kafka: its controllers do not serve this; the answer is a broker's. Entities come in
// a fixed order.
//
// KIP-546. Kafka: ClientQuotasImage.describe.
func (c *Controller) describeClientQuotas(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeClientQuotasRequest,
) kmsg.Response {
	filter, err := quota.NewFilter(req)
	if err != nil {
		return failDescribeClientQuotas(req, err)
	}
	var found []*metadata.Quota
	for q := range c.Image().Quotas {
		if filter.Matches(q) {
			found = append(found, q)
		}
	}
	resp := responseTo[*kmsg.DescribeClientQuotasResponse](req)
	return list(resp, &resp.Entries, len(found), func(i int) kmsg.DescribeClientQuotasResponseEntry {
		return describedQuota(found[i])
	})
}

func describedQuota(q *metadata.Quota) kmsg.DescribeClientQuotasResponseEntry {
	e := kmsg.NewDescribeClientQuotasResponseEntry()
	for _, part := range q.Entity {
		p := kmsg.NewDescribeClientQuotasResponseEntryEntity()
		p.Type, p.Name = part.Type, part.Name
		e.Entity = append(e.Entity, p)
	}
	for _, key := range slices.Sorted(maps.Keys(q.Values)) {
		v := kmsg.NewDescribeClientQuotasResponseEntryValue()
		v.Key, v.Value = key, q.Values[key]
		e.Values = append(e.Values, v)
	}
	return e
}

func failDescribeClientQuotas(
	req *kmsg.DescribeClientQuotasRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeClientQuotasResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
