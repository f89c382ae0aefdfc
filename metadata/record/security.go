package record

import "github.com/yakt/yakt/protocol"

// DelegationToken creates or replaces a token (KIP-48). The HMAC is not stored: every node computes
// it from the shared secret.
type DelegationToken struct {
	Owner               string // "Type:name"
	Requester           string
	Renewers            []string
	IssueTimestamp      int64 // ms since 1970
	MaxTimestamp        int64
	ExpirationTimestamp int64
	TokenID             string
}

// Type implements Record.
func (*DelegationToken) Type() Type { return TypeDelegationToken }

func (r *DelegationToken) code(c *coder) {
	c.string(&r.Owner)
	c.string(&r.Requester)
	array(c, &r.Renewers, 1, stringElem)
	c.int64(&r.IssueTimestamp)
	c.int64(&r.MaxTimestamp)
	c.int64(&r.ExpirationTimestamp)
	c.string(&r.TokenID)
	c.noTags()
}

// RemoveDelegationToken drops a token.
type RemoveDelegationToken struct{ TokenID string }

// Type implements Record.
func (*RemoveDelegationToken) Type() Type { return TypeRemoveDelegationToken }

func (r *RemoveDelegationToken) code(c *coder) {
	c.string(&r.TokenID)
	c.noTags()
}

// UserScramCredential sets a user's credential for one mechanism (1 SCRAM-SHA-256, 2
// SCRAM-SHA-512). The keys in it are secrets.
type UserScramCredential struct {
	Name       string
	Mechanism  int8
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// Type implements Record.
func (*UserScramCredential) Type() Type { return TypeUserScramCredential }

func (r *UserScramCredential) code(c *coder) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.bytes(&r.Salt)
	c.bytes(&r.StoredKey)
	c.bytes(&r.ServerKey)
	c.int32(&r.Iterations)
	c.noTags()
}

// RemoveUserScramCredential removes a user's credential for one mechanism.
type RemoveUserScramCredential struct {
	Name      string
	Mechanism int8
}

// Type implements Record.
func (*RemoveUserScramCredential) Type() Type { return TypeRemoveUserScramCredential }

func (r *RemoveUserScramCredential) code(c *coder) {
	c.string(&r.Name)
	c.int8(&r.Mechanism)
	c.noTags()
}

// AccessControlEntry adds an ACL. Two entries must not have the same content at a time: Kafka's
// AclCache refuses that.
type AccessControlEntry struct {
	ID             protocol.UUID
	ResourceType   int8
	ResourceName   string
	PatternType    int8
	Principal      string
	Host           string
	Operation      int8
	PermissionType int8
}

// Type implements Record.
func (*AccessControlEntry) Type() Type { return TypeAccessControlEntry }

func (r *AccessControlEntry) code(c *coder) {
	c.uuid(&r.ID)
	c.int8(&r.ResourceType)
	c.string(&r.ResourceName)
	c.int8(&r.PatternType)
	c.string(&r.Principal)
	c.string(&r.Host)
	c.int8(&r.Operation)
	c.int8(&r.PermissionType)
	c.noTags()
}

// RemoveAccessControlEntry drops an ACL.
type RemoveAccessControlEntry struct{ ID protocol.UUID }

// Type implements Record.
func (*RemoveAccessControlEntry) Type() Type { return TypeRemoveAccessControlEntry }

func (r *RemoveAccessControlEntry) code(c *coder) {
	c.uuid(&r.ID)
	c.noTags()
}

// QuotaEntity is one part of a quota's subject; a nil name is the default of that type.
type QuotaEntity struct {
	Type string // "user", "client-id" or "ip"
	Name *string
}

func (e *QuotaEntity) code(c *coder) {
	c.string(&e.Type)
	c.nullableString(&e.Name)
	c.noTags()
}

// ClientQuota sets or removes one quota key of an entity.
type ClientQuota struct {
	Entity []QuotaEntity
	Key    string
	Value  float64
	Remove bool
}

// Type implements Record.
func (*ClientQuota) Type() Type { return TypeClientQuota }

func (r *ClientQuota) code(c *coder) {
	array(c, &r.Entity, 1+1+1, func(c *coder, e *QuotaEntity) { e.code(c) })
	c.string(&r.Key)
	c.float64(&r.Value)
	c.bool(&r.Remove)
	c.noTags()
}
