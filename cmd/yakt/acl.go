package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func aclCommand() *cobra.Command {
	c := new(client)
	cmd := group("acl", "List, add and remove ACLs")
	cmd.Long = cmd.Short + ".\n" +
		"They need an authorizer (authorizer.class.name of the controllers). Without one, every\n" +
		"command answers SECURITY_DISABLED."
	c.flags(cmd)
	cmd.AddCommand(aclListCommand(c),
		aclChangeCommand(c, "add", "Add an ACL", "/v1/add_acl"),
		aclChangeCommand(c, "remove", "Remove an ACL", "/v1/remove_acl"))
	return cmd
}

func (c *client) showACLs(answer any, acls ...httpapi.ACL) error {
	return show(c.out, c.output, answer, func() [][]string {
		rows := [][]string{
			{"RESOURCE", "NAME", "PATTERN", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION"},
		}
		for _, a := range acls {
			rows = append(rows, row(a.ResourceType, a.ResourceName, a.PatternType, a.Principal,
				a.Host, a.Operation, a.Permission))
		}
		return rows
	})
}

func aclListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the ACLs", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []httpapi.ACL{}
			if err := c.ask(cmd.Context(), "listing ACLs", "/v1/list_acls", nil,
				&list); err != nil {
				return err
			}
			return c.showACLs(list, list...)
		},
	}
}

func aclChangeCommand(c *client, verb, short, path string) *cobra.Command {
	var a httpapi.ACL
	var prefixed, deny bool
	cmd := &cobra.Command{
		Use:   verb + " PRINCIPAL OPERATION RESOURCE NAME",
		Short: short + ", such as User:alice READ TOPIC orders", Args: args(4),
	}
	f := cmd.Flags()
	f.StringVar(&a.Host, "host", "*", "from this address, or range of addresses")
	f.BoolVar(&prefixed, "prefixed", false, "for all resources whose name begins with NAME")
	f.BoolVar(&deny, "deny", false, "deny the operation instead of allowing it")
	c.dryRunFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.Principal, a.Operation = args[0], strings.ToUpper(args[1])
		a.ResourceType, a.ResourceName = strings.ToUpper(args[2]), args[3]
		a.PatternType, a.Permission = "LITERAL", "ALLOW"
		if prefixed {
			a.PatternType = "PREFIXED"
		}
		if deny {
			a.Permission = "DENY"
		}
		var changed httpapi.ACL
		if err := c.change(cmd.Context(), "changing an ACL", path, a,
			&changed); err != nil {
			return err
		}
		return c.showACLs(changed, changed)
	}
	return cmd
}
