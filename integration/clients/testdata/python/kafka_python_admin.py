"""kafka-python: everything that its admin client has."""
import re

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ConfigResource,
                         ConfigResourceType, ResourcePattern, ResourceType, ScramMechanism,
                         UserScramCredentialDeletion, UserScramCredentialUpsertion)
from kafka.admin._configs import AlterConfigOp
from kafka.errors import BrokerResponseError, for_code
from kafka.structs import OffsetAndMetadata

from admin import Steps, equal, main, until


def code(error):
    return error.errno if isinstance(error, BrokerResponseError) else None


def check(error):
    """Raises what some methods return: a class, its name, or an error's message."""
    if error is None or error == "OK":
        return
    if isinstance(error, str):
        names = {for_code(n).__name__: n for n in range(-1, 137)}
        numbered = re.match(r"\[Error (\d+)\]", error)
        if numbered:
            error = for_code(int(numbered[1]))
        else:
            error = for_code(names[error]) if error in names else RuntimeError(error)
    if getattr(error, "errno", None) != 0:
        raise error if isinstance(error, Exception) else error()


def administer(seed, prefix):
    adm = KafkaAdminClient(bootstrap_servers=seed)
    step = Steps(code).do
    topic = prefix + "-topic"

    def create(name, **more):
        settings = {"num_partitions": 3, "replication_factor": 1} | more
        return lambda: adm.create_topics({name: settings})

    step("topic.create", create(topic))
    step("topic.create.again", create(topic))
    step("topic.create.factor", create(prefix + "-x", replication_factor=9))
    step("topic.create.config", create(prefix + "-x", configs={"retention.ms": "soon"}))
    step("topic.create.name", create("not a name"))
    step("topic.create.check", lambda: adm.create_topics(
        {prefix + "-x": {"num_partitions": 1, "replication_factor": 1}}, validate_only=True))
    step("topic.list", lambda: until(lambda: topic in adm.list_topics()))
    step("topic.describe", lambda: until(
        lambda: len(adm.describe_topics([topic])[0]["partitions"]) == 3))
    step("topic.describe.unknown", lambda: check(for_code(
        adm.describe_topics([prefix + "-x"])[0]["error_code"])))
    step("partitions.create", lambda: adm.create_partitions({topic: 5}))
    step("partitions.create.fewer", lambda: adm.create_partitions({topic: 2}))
    step("partitions.create.unknown", lambda: adm.create_partitions({prefix + "-x": 2}))
    configs(adm, step, topic, prefix)
    security(adm, step, prefix)
    groups(adm, step, topic, prefix)
    partitions(adm, step, topic, prefix)
    step("features.describe", lambda: equal(
        adm.describe_features()["metadata.version"]["supported"][0], 7))
    step("features.unknown", lambda: check(
        adm.update_features({"no.such.feature": 1})["no.such.feature"]))
    step("topic.delete", lambda: adm.delete_topics([topic]))
    step("topic.delete.unknown", lambda: adm.delete_topics([prefix + "-x"]))


def configs(adm, step, topic, prefix):
    def alter(kind, name, key, *change):
        def action():
            answer = adm.alter_configs([ConfigResource(kind, name, {key: change})],
                                       raise_on_unknown=False)
            for resources in answer.values():
                for outcome in resources.values():
                    check(outcome)
        return action

    def shown(kind, name, key):
        answer = adm.describe_configs([ConfigResource(kind, name)], config_filter="all")
        return answer[kind.name.lower()][name][key]["value"]

    set_, delete = AlterConfigOp.SET, AlterConfigOp.DELETE
    kind = ConfigResourceType.TOPIC
    step("config.topic.set", alter(kind, topic, "retention.ms", set_, "12345"))
    step("config.topic.get", lambda: until(lambda: shown(kind, topic, "retention.ms") == "12345"))
    step("config.topic.invalid", alter(kind, topic, "retention.ms", set_, "soon"))
    step("config.topic.unset", alter(kind, topic, "retention.ms", delete, None))
    step("config.topic.unknown", alter(kind, prefix + "-x", "retention.ms", set_, "1"))
    kind = ConfigResourceType.BROKER
    step("config.broker.set", alter(kind, "1", "log.cleaner.threads", set_, "2"))
    step("config.broker.get", lambda: until(lambda: shown(kind, "1", "log.cleaner.threads") == "2"))
    step("config.broker.unset", alter(kind, "1", "log.cleaner.threads", delete, None))


def security(adm, step, prefix):
    user, mechanism = prefix + "-user", ScramMechanism.SCRAM_SHA_256

    def alter(change):
        return lambda: check(adm.alter_user_scram_credentials([change])[user])

    step("scram.set", alter(UserScramCredentialUpsertion(user, mechanism, b"secret")))
    step("scram.get", lambda: until(lambda: adm.describe_user_scram_credentials([user])[user][
        "credential_infos"][0]["iterations"] == 4096))
    step("scram.unset", alter(UserScramCredentialDeletion(user, mechanism)))
    acl = ("User:a", "*", ACLOperation.READ, ACLPermissionType.ALLOW,
           ResourcePattern(ResourceType.TOPIC, "t"))
    step("acl.create", lambda: [check(e) for e in adm.create_acls([ACL(*acl)])["failed"]])
    step("acl.describe", lambda: check(adm.describe_acls(ACLFilter(*acl))[1]))
    step("acl.delete", lambda: check(adm.delete_acls([ACLFilter(*acl)])[0][2]))


def groups(adm, step, topic, prefix):
    group, partition = prefix + "-group", TopicPartition(topic, 0)

    def alter():
        check(adm.alter_group_offsets(group, {partition: OffsetAndMetadata(7, "", -1)})[partition])
        return True

    step("group.offsets.set", lambda: until(alter))
    step("group.offsets.get", lambda: equal(
        adm.list_group_offsets({group: [partition]})[group][partition].offset, 7))
    step("group.list", lambda: until(lambda: group in [g["group_id"] for g in adm.list_groups()]))
    step("group.describe", lambda: equal(
        adm.describe_groups([group])[group]["group_state"], "Empty"))
    step("group.delete", lambda: check(adm.delete_groups([group])[group]))
    step("group.delete.unknown", lambda: check(adm.delete_groups([group])[group]))


def partitions(adm, step, topic, prefix):
    here, nowhere = TopicPartition(topic, 0), TopicPartition(prefix + "-x", 0)

    def reassign(partition, replicas):
        return lambda: check(adm.alter_partition_reassignments({partition: replicas})[partition])

    step("reassign.start", reassign(here, [1]))
    step("reassign.broker", reassign(here, [99]))
    step("reassign.unknown", reassign(nowhere, [1]))
    step("reassign.cancel", reassign(here, None))
    step("reassign.list", lambda: equal(adm.list_partition_reassignments([here]), {}))
    step("elect.preferred", lambda: check(for_code(adm.elect_leaders(
        0, {topic: [0]}, raise_errors=False).replica_election_results[0].partition_result[
            0].error_code)))
    step("elect.unknown", lambda: adm.elect_leaders(0, {prefix + "-x": [0]}))
    step("records.delete", lambda: adm.delete_records({here: 0}))


if __name__ == "__main__":
    main(administer)
