package main

import (
	"encoding/base64"
	"time"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func tokenCommand() *cobra.Command {
	c := new(client)
	cmd := group("token", "List, create, renew and expire delegation tokens")
	c.flags(cmd)
	cmd.AddCommand(tokenListCommand(c), tokenCreateCommand(c), tokenRenewCommand(c),
		tokenExpireCommand(c))
	return cmd
}

func (c *client) showTokens(answer any, tokens ...httpapi.TokenAnswer) error {
	return show(c.out, c.output, answer, func() [][]string {
		rows := [][]string{{"TOKEN", "OWNER", "RENEWERS", "EXPIRES", "AT THE LATEST"}}
		for _, t := range tokens {
			rows = append(rows, row(t.TokenID, t.Owner, t.Renewers, t.ExpiryTimestamp,
				t.MaxTimestamp))
		}
		if len(tokens) == 1 && len(tokens[0].HMAC) > 0 {
			hmac := base64.StdEncoding.EncodeToString(tokens[0].HMAC)
			rows = append(rows, []string{}, row("SECRET (shown once)"), row(hmac))
		}
		return rows
	})
}

func tokenListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the delegation tokens", Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []httpapi.TokenAnswer{}
			if err := c.ask(cmd.Context(), "listing tokens", "/v1/list_tokens", nil,
				&list); err != nil {
				return err
			}
			return c.showTokens(list, list...)
		},
	}
}

func tokenCreateCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "create OWNER", Short: "Create a delegation token for a principal such as User:alice",
		Args: args(1),
	}
	renewers := cmd.Flags().StringSlice("renewer", nil,
		"user that may renew it besides its owner; may be repeated")
	life := cmd.Flags().Duration("max-lifetime", 0,
		"longest life of the token; delegation.token.max.lifetime.ms if absent")
	c.dryRunFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		body := map[string]any{"owner": args[0], "maxLifetimeMs": life.Milliseconds()}
		if len(*renewers) > 0 {
			body["renewers"] = *renewers
		}
		var t httpapi.TokenAnswer
		if err := c.change(cmd.Context(), "creating a token",
			"/v1/create_token", body, &t); err != nil {
			return err
		}
		if c.dryRun {
			t.TokenID = "-" // the token, once created, has another id
		}
		return c.showTokens(t, t)
	}
	return cmd
}

func periodFlag(cmd *cobra.Command, absent string) *time.Duration {
	return cmd.Flags().Duration("period", 0, "time from now on, such as 2h; "+absent)
}

// period is the body of a request about a token.
func period(cmd *cobra.Command, id string, d time.Duration) map[string]any {
	body := map[string]any{"tokenId": id}
	if cmd.Flags().Changed("period") {
		body["periodMs"] = d.Milliseconds()
	}
	return body
}

func tokenRenewCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{Use: "renew TOKEN", Short: "Renew a delegation token", Args: args(1)}
	d := periodFlag(cmd, "delegation.token.expiry.time.ms if absent")
	c.dryRunFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var t httpapi.TokenAnswer
		if err := c.change(cmd.Context(), "renewing token "+args[0],
			"/v1/renew_token", period(cmd, args[0], *d), &t); err != nil {
			return err
		}
		return c.showTokens(t, t)
	}
	return cmd
}

func tokenExpireCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "expire TOKEN", Short: "Remove a delegation token, or let it expire", Args: args(1),
	}
	d := periodFlag(cmd, "the token is removed at once if absent")
	c.destructive(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		lost := "Clients will no longer be able to log in with token " + args[0] + "."
		if err := c.confirm(cmd, lost); err != nil {
			return err
		}
		var answer struct {
			TokenID         string `json:"tokenId"`
			ExpiryTimestamp string `json:"expiryTimestamp"`
			Removed         bool   `json:"removed"`
		}
		if err := c.change(cmd.Context(), "expiring token "+args[0],
			"/v1/expire_token", period(cmd, args[0], *d), &answer); err != nil {
			return err
		}
		return show(c.out, c.output, answer, func() [][]string {
			return [][]string{{"TOKEN", "EXPIRES", "REMOVED"},
				row(answer.TokenID, answer.ExpiryTimestamp, answer.Removed)}
		})
	}
	return cmd
}
