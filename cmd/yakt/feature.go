package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

func featureCommand() *cobra.Command {
	c := new(client)
	cmd := group("feature", "Show and change the levels of features, such as metadata.version")
	c.flags(cmd)
	cmd.AddCommand(featureListCommand(c), featureUpgradeCommand(c), featureDowngradeCommand(c))
	return cmd
}

func featureListCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the features, the levels that are possible, and what blocks more",
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []httpapi.Feature
			query := url.Values{"consistency": {"linearizable"}}
			err := c.ask(cmd.Context(), "asking the leader", "/v1/features", query, &list)
			if err != nil {
				return err
			}
			return show(c.out, c.output, list, func() [][]string { return featureRows(list) })
		},
	}
}

func featureRows(list []httpapi.Feature) [][]string {
	rows := [][]string{{"FEATURE", "LEVEL", "NAME", "POSSIBLE", "SUPPORTED", "BLOCKED BY"}}
	for _, f := range list {
		supported := fmt.Sprintf("%d to %d", f.Min, f.Max)
		first := ""
		if len(f.Blockers) > 0 {
			first = f.Blockers[0]
		}
		rows = append(rows, row(f.Name, f.Level, f.LevelName, known(int64(f.Possible)), supported, first))
		for i := 1; i < len(f.Blockers); i++ {
			rows = append(rows, []string{"", "", "", "", "", f.Blockers[i]})
		}
	}
	return rows
}

// featureChange holds the flags of a change of features.
type featureChange struct {
	release string
	levels  []string // name=level
	kind    string   // upgradeType of the API
	dryRun  bool
}

func (f *featureChange) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.release, "release-version", "r", "",
		"release whose levels the features get, such as 4.4")
	flags.StringArrayVarP(&f.levels, "feature", "f", nil,
		"level of a feature, as name=level; may be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false,
		"show the changes and everything that blocks them, and change nothing")
	cmd.MarkFlagsOneRequired("release-version", "feature")
}

func featureUpgradeCommand(c *client) *cobra.Command {
	f := featureChange{kind: "UPGRADE"}
	cmd := &cobra.Command{
		Use:   "upgrade (--release-version RELEASE | --feature NAME=LEVEL)",
		Short: "Raise the levels of features",
		Long: `Raise the levels of features, all of those that are given or none. Every broker and every
controller must support the new levels: upgrade their software first. A higher metadata.version
often cannot be lowered again. --dry-run shows which brokers, controllers and levels are in the
way.`,
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), c) },
	}
	f.flags(cmd)
	return cmd
}

func featureDowngradeCommand(c *client) *cobra.Command {
	f := featureChange{kind: "SAFE_DOWNGRADE"}
	var unsafe bool
	cmd := &cobra.Command{
		Use:   "downgrade (--release-version RELEASE | --feature NAME=LEVEL)",
		Short: "Lower the levels of features",
		Long: `Lower the levels of features, all of those that are given or none; level 0 turns a feature
off. metadata.version can be lowered only if no metadata can be lost: not below a level that brought
new records or fields. --dry-run shows what is in the way.`,
		Args: args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unsafe {
				f.kind = "UNSAFE_DOWNGRADE"
			}
			return f.run(cmd.Context(), c)
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&unsafe, "unsafe", false,
		"as Kafka's flag; metadata.version is not lowered with it either if metadata can be lost")
	return cmd
}

// run makes the change, or shows it in a dry run. A dry run fails if the change would.
func (f *featureChange) run(ctx context.Context, c *client) error {
	levels, err := parseFeatures(f.levels)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	body := map[string]any{"upgradeType": f.kind}
	if f.release != "" {
		body["releaseVersion"] = f.release
	}
	if len(levels) > 0 {
		body["features"] = levels
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var done httpapi.FeatureUpdates
	err = progress(c.errOut, "changing features", func() error {
		r := request{method: http.MethodPost, path: "/v1/update_features", body: data}
		if f.dryRun {
			r.query = url.Values{"dryRun": {"true"}}
		}
		resp, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		return c.decode(resp, &done)
	})
	if err != nil {
		return err
	}
	if err := show(c.out, c.output, done, func() [][]string { return updateRows(&done) }); err != nil {
		return err
	}
	if len(done.Problems) > 0 {
		return errors.New("these levels are not possible now")
	}
	return nil
}

func updateRows(done *httpapi.FeatureUpdates) [][]string {
	if len(done.Changes) == 0 {
		return [][]string{{"All features have these levels already."}}
	}
	rows := [][]string{{"FEATURE", "FROM", "TO"}}
	for _, change := range done.Changes {
		rows = append(rows, row(change.Name, change.From, change.To))
	}
	if !done.DryRun {
		return rows
	}
	rows = append(rows, nil)
	for _, problem := range done.Problems {
		rows = append(rows, []string{problem})
	}
	if len(done.Problems) == 0 {
		rows = append(rows,
			[]string{"Nothing is in the way. Nothing was done: run it without --dry-run."})
	}
	return rows
}
