package scenario

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// releases are the supported brokers, each with the newest metadata version that it knows.
var releases = []struct{ broker, release string }{
	{kafka.V40, "4.0"},
	{kafka.V41, "4.1"},
	{kafka.V42, "4.2"},
	{kafka.V43, "4.3"},
}

// ReleaseMatrix runs BrokerLife with brokers of older releases, each on its own quorum at that
// release's metadata version; start makes the quorum.
func ReleaseMatrix(t *testing.T, start func(t testing.TB, releaseVersion string) kafka.Quorum) {
	for _, r := range releases {
		t.Run(r.broker, func(t *testing.T) {
			t.Parallel()
			BrokerLife(t, start(t, r.release), r.broker)
		})
	}
}
