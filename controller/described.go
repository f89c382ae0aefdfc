package controller

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// ConfigCountMax is about how many configs a resource has besides those that are set on it: this
// node has the most.
var ConfigCountMax = configs.NodeKeyCount()

// DescribeResource describes the configs of a resource in an image as DESCRIBE_CONFIGS does, with
// synonyms and documentation: those named by keys, all if there are none. Of a broker, which only
// itself knows its file, it describes the dynamic configs. Secret values are nil. The answer must
// not be changed.
func (c *Controller) DescribeResource(
	img *metadata.Image, kind int8, name string, keys []string,
) ([]kmsg.DescribeConfigsResponseResourceConfig, *protocol.Error) {
	d := configs.NewDescriber(img, c.cfg.configSettings(), true, true)
	id, err := strconv.ParseInt(name, 10, 32)
	if kind == metadata.ConfigBroker && err == nil && img.Broker(int32(id)) != nil {
		return d.OtherBroker(int32(id)), nil
	}
	return d.Describe(configs.Resource{Kind: kind, Name: name}, keys)
}
