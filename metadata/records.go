package metadata

import "github.com/yakt/yakt/metadata/record"

// Records yields the image as records, in the order in which a snapshot holds them
// (MetadataImage.write): features, brokers, controllers, topics with their partitions, configs,
// quotas, producer ids, ACLs, SCRAM credentials, tokens. Replaying them onto an empty image gives
// the same image. The records share the image's memory and must not be changed.
func (img *Image) Records(yield func(record.Record) bool) {
	img.records(yield, func() *record.Partition { return new(record.Partition) })
}

// passingRecords is Records for a caller that does not use a record after yield has returned: all
// partitions, of which there may be a million, share one record.
func (img *Image) passingRecords(yield func(record.Record) bool) {
	var one record.Partition
	img.records(yield, func() *record.Partition { return &one })
}

func (img *Image) records(yield func(record.Record) bool, place func() *record.Partition) {
	topics := func(img *Image, yield func(record.Record) bool) bool {
		return img.topicRecords(yield, place)
	}
	for _, section := range []func(*Image, func(record.Record) bool) bool{
		(*Image).featureRecords, (*Image).brokerRecords, topics, (*Image).configRecords,
		(*Image).securityRecords,
	} {
		if !section(img, yield) {
			return
		}
	}
}

func (img *Image) featureRecords(yield func(record.Record) bool) bool {
	if v := img.Version(); v != 0 &&
		!yield(&record.FeatureLevel{Name: FeatureMetadata, Level: int16(v)}) {
		return false
	}
	for _, name := range sortedKeys(img.features) {
		if name != FeatureMetadata &&
			!yield(&record.FeatureLevel{Name: name, Level: img.features[name]}) {
			return false
		}
	}
	return true
}

func (img *Image) brokerRecords(yield func(record.Record) bool) bool {
	for _, b := range img.brokers.all() {
		if !yield(b.record()) {
			return false
		}
	}
	for _, c := range img.controllers.all() {
		if !yield(c) {
			return false
		}
	}
	return true
}

func (img *Image) topicRecords(
	yield func(record.Record) bool, place func() *record.Partition,
) bool {
	for t := range img.Topics() {
		if !yield(&record.Topic{Name: t.Name, TopicID: t.ID}) {
			return false
		}
		for id, p := range t.Partitions() {
			r := place()
			*r = p.record(t.ID, id)
			if !yield(img.writable(r)) {
				return false
			}
		}
	}
	return true
}

// writable removes values for which the metadata.version has no field.
func (img *Image) writable(r *record.Partition) *record.Partition {
	if !img.Version().HasElr() {
		r.EligibleLeaderReplicas, r.LastKnownELR = nil, nil
	}
	if len(r.EligibleLeaderReplicas) == 0 {
		r.EligibleLeaderReplicas = nil
	}
	if len(r.LastKnownELR) == 0 {
		r.LastKnownELR = nil
	}
	if !img.Version().HasDirectories() {
		r.Directories = nil
	}
	return r
}

func (img *Image) configRecords(yield func(record.Record) bool) bool {
	for c := range img.Configs {
		for _, key := range sortedKeys(c.Values) {
			value := c.Values[key]
			if !yield(
				&record.Config{
					ResourceType: c.Type, ResourceName: c.Name, Name: key,
					Value: &value,
				},
			) {
				return false
			}
		}
	}
	for q := range img.Quotas {
		for _, key := range sortedKeys(q.Values) {
			if !yield(&record.ClientQuota{Entity: q.Entity, Key: key, Value: q.Values[key]}) {
				return false
			}
		}
	}
	return img.nextProducerID < 0 ||
		yield(&record.ProducerIDs{BrokerID: -1, BrokerEpoch: -1, NextProducerID: img.nextProducerID})
}

func (img *Image) securityRecords(yield func(record.Record) bool) bool {
	for _, e := range img.acls.all() {
		if !yield(e) {
			return false
		}
	}
	for _, c := range img.scram.all() {
		if !yield(c) {
			return false
		}
	}
	for _, t := range img.tokens.all() {
		if !yield(t) {
			return false
		}
	}
	return true
}
