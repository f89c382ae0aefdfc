package record_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
)

func TestStringsThatKafkaDoesNotRead(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		strings.Repeat("a", 32_767):       true,
		strings.Repeat("a", 32_768):       false,
		strings.Repeat("€", 10_922) + "a": true,
		strings.Repeat("€", 10_923):       false,
		"\xff":                            false,
		"\xed\xa0\x80":                    false, // half of a surrogate pair
		"a\x00b":                          true,
	} {
		for field, r := range map[string]record.Record{
			"ResourceName":   &record.Config{ResourceType: 2, ResourceName: text, Name: "k"},
			"Name":           &record.Config{ResourceType: 2, ResourceName: "t", Name: text},
			"Value":          &record.Config{ResourceType: 2, ResourceName: "t", Name: "k", Value: &text},
			"Entity[1].Name": &record.ClientQuota{Entity: []record.QuotaEntity{{Type: "user"}, {Type: "client-id", Name: &text}}, Key: "k"},
			"Reason":         &record.AbortTransaction{Reason: &text},
		} {
			var invalid *record.InvalidError
			err := record.Check(r)
			if refused := errors.As(err, &invalid) && invalid.Field == field && invalid.Type == r.Type(); refused == ok || ok && err != nil {
				t.Errorf("%s of %d bytes: %v", field, len(text), err)
			}
			if b, written := record.Append(nil, r, 0); (written == nil) != ok || !ok && len(b) > 0 {
				t.Errorf("%s of %d bytes is written: %v", field, len(text), written)
			}
		}
	}
}
