package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"os"
)

// Geometry of the plot, in pixels.
const (
	plotWidth  = 1080
	plotLabels = 470 // width of the names on the left
	plotValues = 190 // width of the values on the right
	plotRow    = 19
	plotHeader = 64
	plotFooter = 34
)

// plot draws, for every metric, how many times better ours is: a bar to the median on a logarithmic
// axis, and a line from the worst to the best round.
type plot struct {
	bytes.Buffer
	from, to float64 // the ends of the axis, as exponents of ten
	y        int
}

func (r *results) writePlot(path string) error {
	p := &plot{from: -1, to: 1}
	rows := 0
	last := ""
	for _, m := range r.Metrics {
		if m.Ratio == nil {
			continue
		}
		p.from = min(p.from, math.Floor(math.Log10(m.Ratio.Min)))
		p.to = max(p.to, math.Ceil(math.Log10(m.Ratio.Max)))
		rows++
		if m.Case != last {
			rows, last = rows+1, m.Case
		}
	}
	height := plotHeader + rows*plotRow + plotFooter
	p.open(r, height)
	p.axis(height)
	p.rows(r.Metrics)
	p.WriteString("</svg>\n")
	return os.WriteFile(path, p.Bytes(), 0o644)
}

func (p *plot) open(r *results, height int) {
	fmt.Fprintf(p,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" `+
			`font-family="sans-serif" font-size="12" fill="#222">
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="12" y="22" font-size="16" font-weight="bold">`+
			`YAKt compared with Apache Kafka's controllers: times better</text>
`, plotWidth, height)
	p.text(12, 40, "start", fmt.Sprintf("%d × %s, %s, %s; scale %s, %d rounds: bar to the "+
		"median, line from the worst to the best round",
		r.Machine.Cores, r.Machine.Processor, r.Machine.System, r.Machine.FileSystem, r.Scale,
		r.Rounds))
	p.y = plotHeader
}

func (p *plot) text(x float64, y int, anchor, text string) {
	fmt.Fprintf(p, `<text x="%.1f" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor,
		html.EscapeString(text))
}

// x is the position of a ratio.
func (p *plot) x(ratio float64) float64 {
	const width = plotWidth - plotLabels - plotValues
	return plotLabels + width*(math.Log10(ratio)-p.from)/(p.to-p.from)
}

func (p *plot) axis(height int) {
	for e := p.from; e <= p.to; e++ {
		x, colour := p.x(math.Pow(10, e)), "#ddd"
		if e == 0 {
			colour = "#666"
		}
		fmt.Fprintf(p, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`+"\n", x, x,
			plotHeader-6, height-plotFooter, colour)
		p.text(x, height-plotFooter+16, "middle", number(math.Pow(10, e))+"×")
	}
}

func (p *plot) rows(metrics []*metric) {
	last := ""
	for _, m := range metrics {
		if m.Ratio == nil {
			continue
		}
		if m.Case != last {
			last = m.Case
			fmt.Fprintf(p, `<text x="12" y="%d" font-weight="bold">(%s) %s</text>`+"\n", p.y+13,
				m.Case, html.EscapeString(titleOf(m.Case)))
			p.y += plotRow
		}
		p.row(m)
		p.y += plotRow
	}
}

func (p *plot) row(m *metric) {
	colour := "#2a7f62"
	if m.Ratio.Median < 1 {
		colour = "#c0392b"
	}
	from, to := min(p.x(1), p.x(m.Ratio.Median)), max(p.x(1), p.x(m.Ratio.Median))
	p.text(24, p.y+13, "start", m.Name)
	fmt.Fprintf(p, `<rect x="%.1f" y="%d" width="%.1f" height="11" fill="%s"/>`+"\n", from, p.y+4,
		max(to-from, 1), colour)
	fmt.Fprintf(p, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#111" stroke-width="1.5"/>`+"\n",
		p.x(m.Ratio.Min), p.x(m.Ratio.Max), p.y+9, p.y+9)
	p.text(plotWidth-12, p.y+13, "end",
		fmt.Sprintf("%s× (%s : %s %s)", number(m.Ratio.Median), number(m.Ours.Median),
			number(m.Theirs.Median), m.Unit))
}
