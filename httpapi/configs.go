package httpapi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// ConfigResourceArgs names a resource that has configs.
type ConfigResourceArgs struct {
	// Kind of the resource.
	Type string `query:"type" json:"type" required:"true" enum:"topic,broker,group,client-metrics" example:"broker"`
	// Name of the topic, group or subscription, or id of the broker or of this node; for a broker,
	// empty are the defaults of all brokers.
	Name string `query:"name" json:"name,omitempty" maxLength:"2048" example:"1"`
}

// configKinds are the kinds of resources by their names in the API.
var configKinds = map[string]int8{
	"topic": metadata.ConfigTopic, "broker": metadata.ConfigBroker, "group": metadata.ConfigGroup,
	"client-metrics": metadata.ConfigClientMetrics,
}

// ResourceConfigs are the configs of a resource.
type ResourceConfigs struct {
	// Kind of the resource.
	Type string `json:"resourceType" example:"topic"`
	// Name of the resource.
	Name string `json:"resourceName" example:"orders"`
	// The configs, by name.
	Configs []ConfigEntry `json:"configs"`
}

// ConfigEntry is one config of a resource.
type ConfigEntry struct {
	// Name of the config.
	Name string `json:"key" example:"retention.ms"`
	// The value in effect; null if there is none or it is a secret.
	Value *string `json:"value" example:"3600000"`
	// What sets the value, as Kafka's tools name it.
	Source string `json:"source" example:"DYNAMIC_TOPIC_CONFIG"`
	// Type of the value.
	Type string `json:"type" example:"LONG"`
	// Whether only the configuration file of the node can set it.
	ReadOnly bool `json:"readOnly" example:"false"`
	// Whether the value is a secret, which is not shown.
	Sensitive bool `json:"sensitive" example:"false"`
	// Everything that sets the config; the first in effect.
	Synonyms []ConfigSynonym `json:"synonyms"`
	// What the config does; empty for an unknown one.
	Documentation string `json:"documentation" example:"Time for which records are kept."`
}

// ConfigSynonym is one thing that sets a config.
type ConfigSynonym struct {
	// Name of the key that sets it.
	Name string `json:"key" example:"retention.ms"`
	// Its value; null if it is a secret.
	Value *string `json:"value" example:"3600000"`
	// Where it is set.
	Source string `json:"source" example:"DYNAMIC_TOPIC_CONFIG"`
}

// alterConfigsArgs is the body of alter_configs.
type alterConfigsArgs struct {
	ConfigResourceArgs
	// Values to set, by key.
	Set map[string]string `json:"set,omitempty" maxProperties:"1000" example:"{\"retention.ms\":\"3600000\"}"`
	// Keys to remove, which then have their defaults again.
	Delete []string `json:"delete,omitempty" maxItems:"1000" example:"[\"segment.ms\"]"`
	// Words, separated by commas, to add to lists, by key.
	Append map[string]string `json:"append,omitempty" maxProperties:"1000" example:"{}"`
	// Words, separated by commas, to remove from lists, by key.
	Subtract map[string]string `json:"subtract,omitempty" maxProperties:"1000" example:"{}"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (c *alterConfigsArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if len(c.Set)+len(c.Delete)+len(c.Append)+len(c.Subtract) == 0 {
		return []error{fieldError(at.With("set"),
			"is missing, and so are delete, append and subtract: there is nothing to change")}
	}
	return nil
}

func (a *API) configs() {
	describe := operation{
		kind: readKind, name: "describe_configs", tag: tagConfigs,
		needs:   onConfigs(acls.DescribeConfigs),
		summary: "Show the configs of a resource",
		text: "All configs of a topic, a group, a client metrics subscription, this node or, with " +
			"an empty name, the defaults of all brokers; of another broker those that were set " +
			"at run time. Groups and subscriptions need not exist.",
		statuses: []int{http.StatusNotFound},
	}
	handle(a, describe, func(ctx context.Context, in *struct {
		ReadParams
		ConfigResourceArgs
	}) (*answer[ResourceConfigs], error) {
		return a.describedConfigs(ctx, in.ReadParams, in.ConfigResourceArgs)
	})
	handle(a, operation{
		kind: writeKind, name: "alter_configs", tag: tagConfigs,
		needs:   onConfigs(acls.AlterConfigs),
		summary: "Change configs of a resource",
		text: "Sets and removes configs of one resource, all or none, with the checks and errors of " +
			"Kafka's INCREMENTAL_ALTER_CONFIGS. The answer has the configs that the change made.",
	}, a.alterConfigs)
	a.loggers()
}

// configBytes is roughly the memory of a config in an answer, as a value and as JSON.
const configBytes = 1000

func (a *API) describedConfigs(
	ctx context.Context, p ReadParams, of ConfigResourceArgs,
) (*answer[ResourceConfigs], error) {
	if err := a.permitConfigs(ctx, acls.DescribeConfigs, of); err != nil {
		return nil, err
	}
	img, err := a.image(ctx, p)
	if err != nil {
		return nil, err
	}
	kind := configKinds[of.Type]
	if err := afford(ctx, configBytes*int64(len(img.Config(kind, of.Name))+
		controller.ConfigCountMax)); err != nil {
		return nil, err
	}
	described, refused := a.cfg.Controller.DescribeResource(img, kind, of.Name, nil)
	if refused != nil {
		return nil, problemOf(refused)
	}
	body := ResourceConfigs{of.Type, of.Name, make([]ConfigEntry, 0, len(described))}
	for i := range described {
		body.Configs = append(body.Configs, configEntry(&described[i]))
	}
	return &answer[ResourceConfigs]{headersOf(img), body}, nil
}

func configEntry(c *kmsg.DescribeConfigsResponseResourceConfig) ConfigEntry {
	e := ConfigEntry{
		Name: c.Name, Value: hiddenSecret(c.Name, c.Value), Source: c.Source.String(),
		Type: c.ConfigType.String(), ReadOnly: c.ReadOnly, Sensitive: c.IsSensitive,
		Synonyms:      make([]ConfigSynonym, 0, len(c.ConfigSynonyms)),
		Documentation: orEmpty(c.Documentation),
	}
	for _, s := range c.ConfigSynonyms {
		e.Synonyms = append(e.Synonyms,
			ConfigSynonym{s.Name, hiddenSecret(s.Name, s.Value), s.Source.String()})
	}
	return e
}

// hiddenSecret withholds values by the name of their key, too, as everywhere in this API.
func hiddenSecret(name string, value *string) *string {
	if value == nil {
		return nil
	}
	v := shown(name, *value)
	return &v
}

// ChangedConfigs is the answer of alter_configs: what the change made.
type ChangedConfigs struct {
	// Kind of the resource.
	Type string `json:"resourceType" example:"topic"`
	// Name of the resource.
	Name string `json:"resourceName" example:"orders"`
	// Whether nothing was changed.
	DryRun bool `json:"dryRun" example:"false"`
	// What the change made, by name. A config that had the value already is not in it.
	Changed []ConfigChange `json:"changed"`
}

// ConfigChange is a config that a change made.
type ConfigChange struct {
	// Name of the config.
	Name string `json:"key" example:"retention.ms"`
	// The new value; null for a config that was removed.
	Value *string `json:"value" example:"3600000"`
}

func (a *API) alterConfigs(ctx context.Context, in *struct {
	WriteParams
	Body alterConfigsArgs
}) (*answer[ChangedConfigs], error) {
	if err := a.permitConfigs(ctx, acls.AlterConfigs, in.Body.ConfigResourceArgs); err != nil {
		return nil, err
	}
	kind := configKinds[in.Body.Type]
	var before map[string]string
	outcome, err := a.do(ctx, controller.Operation{
		Name: "alter_configs", DryRun: in.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			before = maps.Clone(img.Config(kind, in.Body.Name))
			return in.Body.request(), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	for _, r := range outcome.Response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if err := codeProblem(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, err
		}
	}
	img := outcome.Image
	if img == nil { // there was nothing to write
		img = a.cfg.Controller.Image()
	}
	body := ChangedConfigs{in.Body.Type, in.Body.Name, in.DryRun,
		differences(kind, before, img.Config(kind, in.Body.Name))}
	return &answer[ChangedConfigs]{headersOf(img), body}, nil
}

// differences are the configs that differ between two states of a resource, by name.
func differences(kind int8, before, after map[string]string) []ConfigChange {
	changed := []ConfigChange{}
	for name, value := range after {
		if old, had := before[name]; had && old == value {
			continue
		}
		value = shownOf(kind, name, value)
		changed = append(changed, ConfigChange{name, &value})
	}
	for name := range before {
		if _, has := after[name]; !has {
			changed = append(changed, ConfigChange{Name: name})
		}
	}
	slices.SortFunc(changed, func(a, b ConfigChange) int { return strings.Compare(a.Name, b.Name) })
	return changed
}

func (c *alterConfigsArgs) request() *kmsg.IncrementalAlterConfigsRequest {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType = kmsg.ConfigResourceType(configKinds[c.Type])
	r.ResourceName = c.Name
	add := func(op kmsg.IncrementalAlterConfigOp, name string, value *string) {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Op, config.Value = name, op, value
		r.Configs = append(r.Configs, config)
	}
	for _, group := range [...]struct {
		op     kmsg.IncrementalAlterConfigOp
		values map[string]string
	}{
		{kmsg.IncrementalAlterConfigOpSet, c.Set}, {kmsg.IncrementalAlterConfigOpAppend, c.Append},
		{kmsg.IncrementalAlterConfigOpSubtract, c.Subtract},
	} {
		for _, name := range slices.Sorted(maps.Keys(group.values)) {
			value := group.values[name]
			add(group.op, name, &value)
		}
	}
	for _, name := range c.Delete {
		add(kmsg.IncrementalAlterConfigOpDelete, name, nil)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	req.Resources = append(req.Resources, r)
	return req
}
