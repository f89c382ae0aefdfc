package oauth

import "time"

// refreshSettings says when a token is replaced before it ends.
type refreshSettings struct {
	factor, jitter                  float64 // of the token's life; jitter is the most that is added
	minPeriodSeconds, bufferSeconds int64
}

func (r *reader) refreshSettings() refreshSettings {
	return refreshSettings{
		factor:           r.fraction("sasl.login.refresh.window.factor", 0.8, 0.5, 1),
		jitter:           r.fraction("sasl.login.refresh.window.jitter", 0.05, 0, 0.25),
		minPeriodSeconds: r.number("sasl.login.refresh.min.period.seconds", 60, 0, 900),
		bufferSeconds:    r.number("sasl.login.refresh.buffer.seconds", 300, 0, 3600),
	}
}

// at returns when a token got at now is replaced: in its window, yet at least bufferSeconds before
// its end, and not within minPeriodSeconds from now. The two do not count where the token's life
// has no room for both. random is in [0, 1).
func (s refreshSettings) at(now, issued, expires time.Time, random float64) time.Time {
	part := s.factor + s.jitter*random
	minPeriod := time.Duration(s.minPeriodSeconds) * time.Second
	buffer := time.Duration(s.bufferSeconds) * time.Second
	if now.Add(minPeriod + buffer).After(expires) {
		return now.Add(time.Duration(float64(expires.Sub(now)) * part))
	}
	at := issued.Add(time.Duration(float64(expires.Sub(issued)) * part))
	if latest := expires.Add(-buffer); at.After(latest) {
		return latest
	}
	if earliest := now.Add(minPeriod); at.Before(earliest) {
		return earliest
	}
	return at
}
