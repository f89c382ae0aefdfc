package httpapi

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
)

// needsWant is what each operation needs: the operation and the resource of the Kafka request that
// corresponds to it.
const needsWant = `
livez                    It needs no credentials.
readyz                   It needs no credentials.

register                 CLUSTER_ACTION on CLUSTER    BROKER_REGISTRATION
broker_mgmt              CLUSTER_ACTION on CLUSTER    BROKER_HEARTBEAT, ALTER_PARTITION, FETCH
register_producer        CLUSTER_ACTION on CLUSTER    ALLOCATE_PRODUCER_IDS
client_mgmt              CLUSTER_ACTION on CLUSTER    FETCH
records                  CLUSTER_ACTION on CLUSTER    FETCH
snapshot                 CLUSTER_ACTION on CLUSTER    FETCH_SNAPSHOT
set_log_level            CLUSTER_ACTION on CLUSTER    INCREMENTAL_ALTER_CONFIGS of loggers

unregister_broker        ALTER on CLUSTER             UNREGISTER_BROKER
register_broker_change   ALTER on CLUSTER             UNREGISTER_BROKER
add_replica              ALTER on CLUSTER             ALTER_PARTITION_REASSIGNMENTS
remove_replica           ALTER on CLUSTER             ALTER_PARTITION_REASSIGNMENTS
reassign_partitions      ALTER on CLUSTER             ALTER_PARTITION_REASSIGNMENTS
cancel_reassignments     ALTER on CLUSTER             ALTER_PARTITION_REASSIGNMENTS
elect_leaders            ALTER on CLUSTER             ELECT_LEADERS
set_user_credential      ALTER on CLUSTER             ALTER_USER_SCRAM_CREDENTIALS
delete_user_credential   ALTER on CLUSTER             ALTER_USER_SCRAM_CREDENTIALS
add_acl                  ALTER on CLUSTER             CREATE_ACLS
remove_acl               ALTER on CLUSTER             DELETE_ACLS
update_features          ALTER on CLUSTER             UPDATE_FEATURES
heal                     ALTER on CLUSTER
renew_token              ALTER on CLUSTER             or to be owner or renewer
expire_token             ALTER on CLUSTER             or to be owner or renewer

alter_quota              ALTER_CONFIGS on CLUSTER     ALTER_CLIENT_QUOTAS
list_quotas              DESCRIBE_CONFIGS on CLUSTER  DESCRIBE_CLIENT_QUOTAS
loggers                  DESCRIBE_CONFIGS on CLUSTER  DESCRIBE_CONFIGS of loggers

get_all_active_brokers   DESCRIBE on CLUSTER
get_broker_by_id         DESCRIBE on CLUSTER
brokers                  DESCRIBE on CLUSTER
list_users               DESCRIBE on CLUSTER          DESCRIBE_USER_SCRAM_CREDENTIALS
list_acls                DESCRIBE on CLUSTER          DESCRIBE_ACLS
status                   DESCRIBE on CLUSTER          DESCRIBE_QUORUM
quorum                   DESCRIBE on CLUSTER          DESCRIBE_QUORUM
features                 DESCRIBE on CLUSTER
what_if                  DESCRIBE on CLUSTER and DESCRIBE on TOPIC

topics                   DESCRIBE on TOPIC            METADATA
partitions               DESCRIBE on TOPIC            METADATA
get_topic_by_name        DESCRIBE on TOPIC            DESCRIBE_TOPIC_PARTITIONS
get_topic_by_id          DESCRIBE on TOPIC            DESCRIBE_TOPIC_PARTITIONS
create_topic             CREATE on TOPIC              CREATE_TOPICS
delete_topic             DESCRIBE on TOPIC and DELETE on TOPIC  DELETE_TOPICS
create_partition         ALTER on TOPIC               CREATE_PARTITIONS

describe_configs         DESCRIBE_CONFIGS on TOPIC and DESCRIBE_CONFIGS on GROUP and DESCRIBE_CONFIGS on CLUSTER
alter_configs            ALTER_CONFIGS on TOPIC and ALTER_CONFIGS on GROUP and ALTER_CONFIGS on CLUSTER

list_tokens              DESCRIBE on DELEGATION_TOKEN  DESCRIBE_DELEGATION_TOKEN
create_token             CREATE_TOKENS on USER        CREATE_DELEGATION_TOKEN
`

// TestNeeds compares what the operations need with the table, which has each of them.
func TestNeeds(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for line := range strings.Lines(needsWant) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			want[name] = strings.TrimSpace(rest)
		}
	}
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	names := map[string]bool{}
	for path, item := range a.OpenAPI().Paths {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			op := operationAt(item, method)
			if op == nil {
				continue
			}
			name := strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/")
			names[name] = true
			said := strings.NewReplacer("Needs ", "", "Shows only what the caller has ", "").Replace(
				op.Description)
			first, _, _ := strings.Cut(want[name], "  ")
			if want[name] == "" || !strings.Contains(said, strings.TrimSuffix(first, ".")) ||
				op.Extensions[needsExtension] == nil {
				t.Errorf("%s %s: %q is not in %q", method, path, want[name], op.Description)
			}
		}
	}
	if all := slices.Sorted(maps.Keys(want)); !slices.Equal(all, slices.Sorted(maps.Keys(names))) {
		t.Errorf("the table has %v", all)
	}
}
