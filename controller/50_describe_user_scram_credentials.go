package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_USER_SCRAM_CREDENTIALS (50), version 0.
//
// Behaviour: a read of the committed image, on any node: the mechanisms and iterations of each user
// that is asked for, of all users if none is. A user who is named more than once is a
// DUPLICATE_RESOURCE. Salts and keys are not shown.
//
// Differs from Kafka: its controllers advertise this and then answer UNKNOWN_SERVER_ERROR; the
// answer is a broker's. Users are sorted.
//
// KIP-554. Kafka: ScramImage.describe.
func (c *Controller) describeUserScramCredentials(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeUserSCRAMCredentialsRequest,
) kmsg.Response {
	img := c.Image()
	asked := make([]string, 0, len(req.Users))
	for i := range req.Users {
		asked = append(asked, req.Users[i].Name)
	}
	if len(asked) == 0 {
		asked = scramUsers(img)
	}
	slices.Sort(asked)
	// repeated users are neighbours
	users := firstOfEach(len(asked), func(i int) string { return asked[i] })
	resp := responseTo[*kmsg.DescribeUserSCRAMCredentialsResponse](req)
	return list(resp, &resp.Results, len(users),
		func(i int) kmsg.DescribeUserSCRAMCredentialsResponseResult {
			at := int(users[i])
			twice := at+1 < len(asked) && asked[at] == asked[at+1]
			return describedScram(img, asked[at], twice, i)
		})
}

// scramUsers returns the users who have credentials.
func scramUsers(img *metadata.Image) []string {
	users := make([]string, 0, img.ScramCredentialCount())
	for c := range img.ScramCredentials {
		users = append(users, c.Name)
	}
	slices.Sort(users)
	return slices.Compact(users)
}

func describedScram(
	img *metadata.Image, user string, twice bool, index int,
) kmsg.DescribeUserSCRAMCredentialsResponseResult {
	r := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
	r.User = user
	for mechanism := int8(scramSHA256); mechanism <= scramSHA512 && !twice; mechanism++ {
		if c := img.ScramCredential(mechanism, user); c != nil {
			info := kmsg.NewDescribeUserSCRAMCredentialsResponseResultCredentialInfo()
			info.Mechanism, info.Iterations = c.Mechanism, c.Iterations
			r.CredentialInfos = append(r.CredentialInfos, info)
		}
	}
	var err *protocol.Error
	switch {
	case twice:
		err = protocol.Errorf(kerr.DuplicateResource, "Cannot describe SCRAM credentials for the "+
			"same user twice in a single request: %s", user)
	case r.CredentialInfos == nil:
		err = protocol.Errorf(kerr.ResourceNotFound,
			"Attempt to describe a user credential that does not exist: %s", user)
	}
	r.ErrorCode, r.ErrorMessage = err.Code(), err.TextAt(index)
	return r
}

func failDescribeUserScramCredentials(
	req *kmsg.DescribeUserSCRAMCredentialsRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeUserSCRAMCredentialsResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
