package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// options are the command line.
type options struct {
	cases, systems, scale string
	binary, out, dir      string
	rounds                int
	profile               bool
}

func main() {
	var o options
	flag.StringVar(&o.cases, "case", "",
		"letters of cases, such as a,k; all by default (-list names them)")
	flag.StringVar(&o.systems, "system", ours+","+theirs, "what to measure")
	flag.StringVar(&o.scale, "scale", "full", "small (minutes) or full")
	flag.IntVar(&o.rounds, "rounds", 3, "how often to measure everything")
	flag.StringVar(&o.out, "out", "bench/out", "where results go")
	flag.StringVar(&o.dir, "dir", "",
		"where controllers keep their data; the system's folder for temporary files by default")
	flag.StringVar(&o.binary, "binary", "", "a yakt binary; built from this module by default")
	flag.BoolVar(&o.profile, "profile", false,
		"take profiles of YAKt's leader and of a follower, of processor and of allocations")
	list := flag.Bool("list", false, "list the cases")
	flag.Parse()
	if *list {
		for _, c := range allCases() {
			fmt.Println(c)
		}
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one whole run of this program.
type bench struct {
	options
	cases    []benchCase
	systems  []system
	progress *progress
	results  results
	profiles *profiles
}

// measure runs the chosen cases and writes the results to files and to standard output. It fails if
// any case failed.
func measure(ctx context.Context, o options) error {
	b := &bench{options: o, progress: newProgress(os.Stderr)}
	defer b.progress.done()
	if err := b.prepare(); err != nil {
		return err
	}
	h := &host{dir: b.dir, log: b.progress.say}
	began := time.Now()
	failure := h.guard(ctx, func() {
		h.check(b.choose(h))
		b.results.Machine = describeMachine(b.dir)
		var err error
		b.progress.at("limits of this machine")
		b.results.Limits, err = measureLimits(b.dir, limitAppends, limitRoundTrips)
		h.check(err)
		b.allRounds(ctx)
	})
	if len(b.results.Metrics)+len(b.results.Failures) == 0 {
		return failure
	}
	b.results.finish(began)
	failure = errors.Join(failure, b.write())
	if n := len(b.results.Failures); n > 0 {
		failure = errors.Join(failure, fmt.Errorf("%d runs of cases failed", n))
	}
	return failure
}

func (b *bench) prepare() (err error) {
	if b.scale != "small" && b.scale != "full" {
		return fmt.Errorf("-scale %q is neither small nor full", b.scale)
	}
	if b.dir == "" {
		b.dir = os.TempDir()
	}
	b.results.Scale, b.results.Rounds = b.scale, b.rounds
	if b.cases, err = chooseCases(b.options.cases); err != nil {
		return err
	}
	if b.profile {
		b.profiles = &profiles{dir: filepath.Join(b.out, "profiles")}
		return os.MkdirAll(b.profiles.dir, 0o755)
	}
	return os.MkdirAll(b.out, 0o755)
}

// choose determines the systems and builds YAKt if necessary: the binary lives as long as h.
func (b *bench) choose(h *host) (err error) {
	if b.binary == "" && contains(b.options.systems, ours) {
		b.progress.at("building YAKt")
		b.binary = kafka.BuildYAKt(h, "-trimpath")
	}
	b.systems, err = systems(b.options.systems, b.binary)
	return err
}

// allRounds measures every case on every system in each round; the order of the systems alternates.
func (b *bench) allRounds(ctx context.Context) {
	total, n := b.rounds*len(b.cases)*len(b.systems), 0
	for round := 1; round <= b.rounds; round++ {
		order := slices.Clone(b.systems)
		if round%2 == 0 {
			slices.Reverse(order)
		}
		for _, c := range b.cases {
			for _, s := range order {
				if ctx.Err() != nil {
					return
				}
				n++
				b.progress.at(fmt.Sprintf("%d/%d round %d %v, %s", n, total, round, c, s.title))
				b.one(ctx, round, c, s)
			}
		}
	}
}

// one runs a case on a new quorum. Measurements before a failure are kept.
func (b *bench) one(ctx context.Context, round int, c benchCase, s system) {
	limit := c.timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := &run{
		host: &host{dir: b.dir, log: b.progress.say}, system: s, full: b.scale == "full",
		progress: b.progress, profiles: b.profiles,
		letters: b.options.cases, letter: c.letters[:1],
		measured: func(letter string, v sample) {
			b.results.add(letter, s.key, round, v)
			b.progress.say(fmt.Sprintf("%s %s %s", v.Metric, number(v.Value), v.Unit))
		},
	}
	err := r.guard(ctx, func() {
		r.start(c)
		if c.secured {
			r.grant()
		}
		c.run(r)
	})
	if err != nil {
		b.results.Failures = append(b.results.Failures,
			failure{c.letters, s.title, round, err.Error()})
		b.progress.say("failed: " + err.Error())
	}
}

func (b *bench) write() error {
	table, err := os.Create(filepath.Join(b.out, "table.txt"))
	if err != nil {
		return err
	}
	defer table.Close()
	b.progress.done()
	return errors.Join(
		b.results.writeTable(os.Stdout),
		b.results.writeTable(table),
		b.results.writeJSON(filepath.Join(b.out, "results.json")),
		b.results.writePlot(filepath.Join(b.out, "results.svg")),
	)
}
