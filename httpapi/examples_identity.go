package httpapi

// identityExamples are those of quotas, users, tokens and ACLs.
func identityExamples(all map[string]example) {
	user, client := "alice", ""
	entity := QuotaEntity{User: &user, ClientID: &client}
	quotas := QuotaAnswer{entity, map[string]float64{"producer_byte_rate": 1048576}}
	all["list_quotas"] = example{nil, []QuotaAnswer{quotas}}
	all["alter_quota"] = example{[]exampleBody{
		{"A quota for every client id of alice that has none of its own.", fieldValues{
			"entity": fieldValues{"user": user, "clientId": ""},
			"set":    fieldValues{"producer_byte_rate": 1048576},
		}},
		{"Remove a quota of a client id.", fieldValues{
			"entity": fieldValues{"clientId": "billing"}, "remove": []string{"request_percentage"},
		}},
	}, quotas}
	alice := UserAnswer{user, []CredentialAnswer{{scramSHA512, 8192}}}
	all["list_users"] = example{nil, []UserAnswer{alice}}
	all["set_user_credential"] = example{one(fieldValues{
		"user": user, "mechanism": scramSHA512, "iterations": 8192,
		"password": "correct horse battery staple",
	}), alice}
	all["delete_user_credential"] = example{
		one(fieldValues{"user": user, "mechanism": scramSHA512}),
		UserAnswer{user, []CredentialAnswer{}},
	}
	token := TokenAnswer{
		TokenID: exampleTopic, Owner: "User:alice", Requester: "User:ANONYMOUS",
		Renewers: []string{"User:bob"}, IssueTimestamp: timestamp(examplePosition.timestampMs),
		ExpiryTimestamp: timestamp(examplePosition.timestampMs + 86_400_000),
		MaxTimestamp:    timestamp(examplePosition.timestampMs + 7*86_400_000),
	}
	all["list_tokens"] = example{nil, []TokenAnswer{token}}
	all["renew_token"] = example{one(fieldValues{"tokenId": exampleTopic}), token}
	all["expire_token"] = example{one(fieldValues{"tokenId": exampleTopic}),
		expiryAnswer{exampleTopic, timestamp(examplePosition.timestampMs), true}}
	created := token
	created.HMAC = []byte("secret")
	all["create_token"] = example{
		one(fieldValues{"owner": "User:alice", "renewers": []string{"bob"}}), created,
	}
	acl := ACL{"TOPIC", "orders", "LITERAL", "User:alice", "*", "READ", "ALLOW"}
	body := fieldValues{
		"resourceType": "TOPIC", "resourceName": "orders", "patternType": "LITERAL",
		"principal": "User:alice", "host": "*", "operation": "READ", "permission": "ALLOW",
	}
	all["list_acls"] = example{nil, []ACL{acl}}
	all["add_acl"] = example{one(body), acl}
	all["remove_acl"] = example{one(body), acl}
}
