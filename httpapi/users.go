package httpapi

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// Names of SCRAM mechanisms.
const (
	scramSHA256 = "SCRAM-SHA-256"
	scramSHA512 = "SCRAM-SHA-512"
)

func mechanismCode(name string) int8 {
	switch name {
	case scramSHA256:
		return 1
	case scramSHA512:
		return 2
	}
	return 0
}

func mechanismName(code int8) string {
	if code == 1 {
		return scramSHA256
	}
	return scramSHA512
}

// SaltPassword returns the salted password of SCRAM (RFC 5802, section 3), from which a node
// derives the keys that it keeps.
func SaltPassword(mechanism, password string, salt []byte, iterations int) ([]byte, error) {
	if mechanism == scramSHA512 {
		return pbkdf2.Key(sha512.New, password, salt, iterations, sha512.Size)
	}
	return pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
}

// NewSalt returns a random salt for a password.
func NewSalt() []byte {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return salt
}

const saltBytes = 20

// credentialName names a credential of a user.
type credentialName struct {
	// Name of the user.
	User string `json:"user" minLength:"1" maxLength:"32767" example:"alice"`
	// Mechanism of the credential.
	Mechanism string `json:"mechanism" enum:"SCRAM-SHA-256,SCRAM-SHA-512" example:"SCRAM-SHA-512"`
}

// credentialArgs is the body of set_user_credential.
type credentialArgs struct {
	// Name of the user.
	User string `json:"user" minLength:"1" maxLength:"32767" example:"alice"`
	// Mechanism of the credential.
	Mechanism string `json:"mechanism" enum:"SCRAM-SHA-256,SCRAM-SHA-512" example:"SCRAM-SHA-512"`
	// Iterations of the hash.
	Iterations int32 `json:"iterations" minimum:"4096" maximum:"16384" example:"8192"`
	// The password. It is salted at once and not kept. Better, send salt and saltedPassword.
	Password string `json:"password,omitempty" maxLength:"1024" writeOnly:"true" example:"correct horse battery staple"`
	// Salt of saltedPassword, in base64.
	Salt []byte `json:"salt,omitempty" maxLength:"1024" writeOnly:"true" example:"QSXCR+Q6sek8bf92"`
	// The password after PBKDF2 with the salt and the iterations, in base64.
	SaltedPassword []byte `json:"saltedPassword,omitempty" maxLength:"256" writeOnly:"true" example:"xKSVEDI6tPlSysH6mUQZOeeOp01r6B3fcJbodRPcYV0="`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (c *credentialArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	salted := len(c.SaltedPassword) > 0
	switch {
	case c.Password == "" && !salted:
		return []error{fieldError(at.With("password"), "or salt and saltedPassword must be given")}
	case c.Password != "" && (salted || len(c.Salt) > 0):
		return []error{fieldError(at.With("password"),
			"cannot be combined with salt and saltedPassword")}
	}
	return nil
}

// UserAnswer is a user with SCRAM credentials. Salts and keys are not shown.
type UserAnswer struct {
	// Name of the user.
	User string `json:"user" example:"alice"`
	// The user's credentials, one for each mechanism.
	Credentials []CredentialAnswer `json:"credentials"`
}

// CredentialAnswer is a credential without its secrets.
type CredentialAnswer struct {
	// Mechanism of the credential.
	Mechanism string `json:"mechanism" enum:"SCRAM-SHA-256,SCRAM-SHA-512" example:"SCRAM-SHA-512"`
	// Iterations of the hash.
	Iterations int32 `json:"iterations" example:"8192"`
}

func (a *API) users() {
	handle(a, operation{
		kind: readKind, name: "list_users", tag: tagIdentities,
		needs:   onCluster(acls.Describe),
		summary: "List the users with SCRAM credentials",
		text:    "Mechanisms and iterations of each user. Salts and keys are not shown.",
	}, a.listUsers)
	handle(a, operation{
		kind: writeKind, name: "set_user_credential", tag: tagIdentities,
		needs:   onCluster(acls.Alter),
		summary: "Create or replace a SCRAM credential",
		text: "Brokers accept the user's password as soon as they have the record. A node keeps " +
			"two keys that are derived from the password, and neither password nor salted password.",
	}, a.setCredential)
	handle(a, operation{
		kind: writeKind, name: "delete_user_credential", tag: tagIdentities,
		needs:   onCluster(acls.Alter),
		summary: "Delete a SCRAM credential",
		text:    "The user cannot log in with this mechanism any more. Open connections stay open.",
	}, a.deleteCredential)
}

func (a *API) listUsers(ctx context.Context, in *StateParams) (*stateAnswer[[]UserAnswer], error) {
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if err := afford(ctx, int64(img.ScramCredentialCount())*entryBytes); err != nil {
		return nil, err
	}
	all := []UserAnswer{}
	at := map[string]int{}
	for c := range img.ScramCredentials {
		i, known := at[c.Name]
		if !known {
			i = len(all)
			at[c.Name], all = i, append(all, UserAnswer{User: c.Name})
		}
		all[i].Credentials = append(all[i].Credentials,
			CredentialAnswer{mechanismName(c.Mechanism), c.Iterations})
	}
	return &stateAnswer[[]UserAnswer]{stateOf(img), all}, nil
}

// shownUser is a user of an image, perhaps without any credential.
func shownUser(img *metadata.Image, user string) UserAnswer {
	u := UserAnswer{user, []CredentialAnswer{}}
	for code := int8(1); code <= 2; code++ {
		if c := img.ScramCredential(code, user); c != nil {
			u.Credentials = append(u.Credentials,
				CredentialAnswer{mechanismName(code), c.Iterations})
		}
	}
	return u
}

func (a *API) setCredential(ctx context.Context, in *struct {
	WriteParams
	Body credentialArgs
}) (*answer[UserAnswer], error) {
	c := &in.Body
	u := kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
		Name: c.User, Mechanism: mechanismCode(c.Mechanism), Iterations: c.Iterations,
		Salt: c.Salt, SaltedPassword: c.SaltedPassword,
	}
	if c.Password != "" {
		u.Salt = NewSalt()
		var err error
		u.SaltedPassword, err = SaltPassword(c.Mechanism, c.Password, u.Salt, int(c.Iterations))
		if err != nil {
			return nil, problemOf(err)
		}
	}
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	req.Upsertions = append(req.Upsertions, u)
	return a.alterUser(ctx, "set_user_credential", in.DryRun, c.User, req)
}

func (a *API) deleteCredential(ctx context.Context, in *struct {
	WriteParams
	Body credentialName
}) (*answer[UserAnswer], error) {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	req.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{
		{Name: in.Body.User, Mechanism: mechanismCode(in.Body.Mechanism)},
	}
	return a.alterUser(ctx, "delete_user_credential", in.DryRun, in.Body.User, req)
}

func (a *API) alterUser(
	ctx context.Context, name string, dry bool, user string,
	req *kmsg.AlterUserSCRAMCredentialsRequest,
) (*answer[UserAnswer], error) {
	outcome, err := a.do(ctx, sameRequest(name, dry, req))
	if err != nil {
		return nil, problemOf(err)
	}
	for _, r := range outcome.Response.(*kmsg.AlterUserSCRAMCredentialsResponse).Results {
		if err := codeProblem(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, err
		}
	}
	return &answer[UserAnswer]{headersOf(outcome.Image), shownUser(outcome.Image, user)}, nil
}
