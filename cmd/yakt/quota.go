package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func quotaCommand() *cobra.Command {
	c := &client{access: access{userFlag: "login"}} // --user is whose quota it is
	cmd := group("quota", "List, set and remove quotas of users, client ids and addresses")
	c.flags(cmd)
	cmd.AddCommand(quotaListCommand(c), quotaSetCommand(c), quotaRemoveCommand(c))
	return cmd
}

func (c *client) showQuotas(answer any, quotas ...httpapi.QuotaAnswer) error {
	return show(c.out, c.output, answer, func() [][]string {
		rows := [][]string{{"USER", "CLIENT ID", "IP", "QUOTAS"}}
		for _, q := range quotas {
			var values []string
			for _, key := range slices.Sorted(maps.Keys(q.Values)) {
				values = append(values, key+"="+strconv.FormatFloat(q.Values[key], 'f', -1, 64))
			}
			rows = append(rows, row(entityPart(q.Entity.User), entityPart(q.Entity.ClientID),
				entityPart(q.Entity.IP), strings.Join(values, " ")))
		}
		return rows
	})
}

// entityPart shows a part of an entity: "-" if it does not matter.
func entityPart(name *string) string {
	switch {
	case name == nil:
		return "-"
	case *name == "":
		return "(default)"
	}
	return *name
}

func quotaListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all quotas", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []httpapi.QuotaAnswer{}
			if err := c.ask(cmd.Context(), "listing quotas", "/v1/list_quotas", nil,
				&list); err != nil {
				return err
			}
			return c.showQuotas(list, list...)
		},
	}
}

// entityFlags name the entity of a quota.
type entityFlags struct {
	user, client, ip                      string
	userDefault, clientDefault, ipDefault bool
}

func (e *entityFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.user, "user", "", "for this user")
	f.StringVar(&e.client, "client-id", "", "for this client id")
	f.StringVar(&e.ip, "ip", "", "for this address")
	f.BoolVar(&e.userDefault, "user-default", false, "for all users without a quota of their own")
	f.BoolVar(&e.clientDefault, "client-id-default", false,
		"for all client ids without a quota of their own")
	f.BoolVar(&e.ipDefault, "ip-default", false,
		"for all addresses without a quota of their own")
}

// entity is the part of the request that names the entity.
func (e *entityFlags) entity() (map[string]string, error) {
	entity := map[string]string{}
	for _, part := range []struct {
		key, name string
		byDefault bool
	}{
		{"user", e.user, e.userDefault}, {"clientId", e.client, e.clientDefault},
		{"ip", e.ip, e.ipDefault},
	} {
		if part.name != "" && part.byDefault {
			return nil, &exitError{exitUsage, fmt.Errorf(
				"give either a name or the default for %s, not both", part.key)}
		}
		if part.name != "" || part.byDefault {
			entity[part.key] = part.name
		}
	}
	if len(entity) == 0 {
		return nil, &exitError{exitUsage, fmt.Errorf(
			"say whose quota it is: --user, --client-id, --ip, or the default of one of them")}
	}
	return entity, nil
}

const entityUse = "[--user U] [--client-id C] [--ip A]"

func quotaSetCommand(c *client) *cobra.Command {
	var e entityFlags
	cmd := &cobra.Command{
		Use: "set " + entityUse + " KEY=VALUE...", Short: "Set quotas",
		Long: "Set quotas: producer_byte_rate, consumer_byte_rate, request_percentage and\n" +
			"controller_mutation_rate for users and client ids, connection_creation_rate for addresses.",
		Args: cobra.MinimumNArgs(1),
	}
	c.dryRunFlag(cmd)
	e.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		set := map[string]float64{}
		for _, arg := range args {
			key, value, _ := strings.Cut(arg, "=")
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return &exitError{exitUsage, fmt.Errorf("%q is not of the form KEY=NUMBER", arg)}
			}
			set[key] = number
		}
		return c.alterQuota(cmd, &e, "set", set)
	}
	return cmd
}

func quotaRemoveCommand(c *client) *cobra.Command {
	var e entityFlags
	cmd := &cobra.Command{
		Use: "remove " + entityUse + " KEY...", Short: "Remove quotas", Args: cobra.MinimumNArgs(1),
	}
	c.dryRunFlag(cmd)
	e.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.alterQuota(cmd, &e, "remove", args)
	}
	return cmd
}

func (c *client) alterQuota(
	cmd *cobra.Command, e *entityFlags, key string, changes any,
) error {
	entity, err := e.entity()
	if err != nil {
		return err
	}
	var q httpapi.QuotaAnswer
	if err := c.change(cmd.Context(), "changing a quota", "/v1/alter_quota",
		map[string]any{"entity": entity, key: changes}, &q); err != nil {
		return err
	}
	return c.showQuotas(q, q)
}
