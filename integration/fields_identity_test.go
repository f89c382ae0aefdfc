package integration

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bases about identities: ACLs, delegation tokens, quotas, SCRAM credentials. The first two are
// refused as a whole here: there is no authorizer, and the listener does not authenticate.

func init() {
	for version := range int16(4) {
		for _, key := range []int16{29, 30, 31} {
			expected[[2]int16{key, version}] = kerr.SecurityDisabled
		}
		for _, key := range []int16{38, 39, 40, 41} {
			expected[[2]int16{key, version}] = kerr.DelegationTokenRequestNotAllowed
		}
	}
}

func (v *target) describeAclsRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeACLsRequest()
	req.ResourceType, req.ResourcePatternType = kmsg.ACLResourceTypeTopic,
		kmsg.ACLResourcePatternTypeMatch
	req.Operation, req.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	req.ResourceName, req.Principal, req.Host = pointer("t"), pointer("User:a"), pointer("*")
	return req
}

func (v *target) createAclsRequest() kmsg.Request {
	req := kmsg.NewPtrCreateACLsRequest()
	req.Creations = []kmsg.CreateACLsRequestCreation{{
		ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: "t",
		ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:a", Host: "*",
		Operation: kmsg.ACLOperationRead, PermissionType: kmsg.ACLPermissionTypeAllow,
	}}
	return req
}

func (v *target) deleteAclsRequest() kmsg.Request {
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Filters = []kmsg.DeleteACLsRequestFilter{{
		ResourceType: kmsg.ACLResourceTypeAny, ResourceName: pointer("t"),
		ResourcePatternType: kmsg.ACLResourcePatternTypeAny, Principal: pointer("User:a"),
		Host: pointer("*"), Operation: kmsg.ACLOperationAny,
		PermissionType: kmsg.ACLPermissionTypeAny,
	}}
	return req
}

func (v *target) createTokenRequest() kmsg.Request {
	req := kmsg.NewPtrCreateDelegationTokenRequest()
	req.OwnerPrincipalType, req.OwnerPrincipalName = pointer("User"), pointer("owner")
	req.Renewers = []kmsg.CreateDelegationTokenRequestRenewer{
		{PrincipalType: "User", PrincipalName: "renewer"},
	}
	return req
}

func (v *target) renewTokenRequest() kmsg.Request {
	req := kmsg.NewPtrRenewDelegationTokenRequest()
	req.HMAC, req.RenewTimeMillis = []byte("hmac"), 1
	return req
}

func (v *target) expireTokenRequest() kmsg.Request {
	req := kmsg.NewPtrExpireDelegationTokenRequest()
	req.HMAC, req.ExpiryPeriodMillis = []byte("hmac"), 1
	return req
}

func (v *target) describeTokensRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeDelegationTokenRequest()
	req.Owners = []kmsg.DescribeDelegationTokenRequestOwner{
		{PrincipalType: "User", PrincipalName: "owner"},
	}
	return req
}

func (v *target) describeQuotasRequest() kmsg.Request {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Components = []kmsg.DescribeClientQuotasRequestComponent{
		{EntityType: "user", Match: pointer("u")},
	}
	return req
}

func (v *target) alterQuotasRequest() kmsg.Request {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	n := v.next()
	entity := []kmsg.AlterClientQuotasRequestEntryEntity{
		{Type: "client-id", Name: pointer(fmt.Sprintf("client-%d", n%8))}, {Type: "user"},
	}
	req.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: entity,
		Ops: []kmsg.AlterClientQuotasRequestEntryOp{
			{Key: "producer_byte_rate", Value: float64(1 + n)},
			{Key: "consumer_byte_rate", Remove: true},
		}}}
	return req
}

func (v *target) describeScramRequest() kmsg.Request {
	v.do(v.alterScramRequest())
	req := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	req.Users = []kmsg.DescribeUserSCRAMCredentialsRequestUser{{Name: v.scramUser()}}
	return req
}

func (v *target) scramUser() string { return fmt.Sprintf("user-%d", v.serial%8) }

func (v *target) alterScramRequest() kmsg.Request {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	v.next()
	req.Upsertions = []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{{
		Name: v.scramUser(), Mechanism: 1, Iterations: 4096, Salt: []byte("salt"),
		SaltedPassword: []byte("salted"),
	}}
	return req
}
