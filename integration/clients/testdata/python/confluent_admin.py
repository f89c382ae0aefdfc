"""librdkafka, by confluent-kafka: everything that its admin client has."""
from confluent_kafka import (ConsumerGroupTopicPartitions, ElectionType, KafkaException,
                             TopicCollection, TopicPartition)
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType,
                                   AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewPartitions, NewTopic, OffsetSpec, ResourcePatternType,
                                   ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialDeletion, UserScramCredentialUpsertion)

from admin import Steps, equal, main, until


def code(error):
    return error.args[0].code() if isinstance(error, KafkaException) else None


def wait(futures):
    return {key: future.result(30) for key, future in futures.items()}


def administer(seed, prefix):
    adm = AdminClient({"bootstrap.servers": seed})
    step = Steps(code).do
    topic = prefix + "-topic"

    def create(name, **more):
        settings = {"num_partitions": 3, "replication_factor": 1} | more
        return lambda: wait(adm.create_topics([NewTopic(name, **settings)]))

    step("topic.create", create(topic))
    step("topic.create.again", create(topic))
    step("topic.create.factor", create(prefix + "-x", replication_factor=9))
    step("topic.create.config", create(prefix + "-x", config={"retention.ms": "soon"}))
    step("topic.create.name", create("not a name"))
    step("topic.create.check", lambda: wait(adm.create_topics(
        [NewTopic(prefix + "-x", 1, 1)], validate_only=True)))
    step("topic.list", lambda: until(lambda: topic in adm.list_topics(timeout=30).topics))
    step("topic.describe", lambda: until(lambda: len(wait(adm.describe_topics(
        TopicCollection([topic])))[topic].partitions) == 3))
    step("topic.describe.unknown", lambda: wait(adm.describe_topics(
        TopicCollection([prefix + "-x"]))))

    def partitions(name, count):
        return lambda: wait(adm.create_partitions([NewPartitions(name, count)]))

    step("partitions.create", partitions(topic, 5))
    step("partitions.create.fewer", partitions(topic, 2))
    step("partitions.create.unknown", partitions(prefix + "-x", 2))
    configs(adm, step, topic, prefix)
    security(adm, step, prefix)
    groups(adm, step, topic, prefix)
    elections(adm, step, topic, prefix)
    step("records.delete", lambda: wait(adm.delete_records([TopicPartition(topic, 0, 0)])))
    step("topic.delete", lambda: wait(adm.delete_topics([topic])))
    step("topic.delete.unknown", lambda: wait(adm.delete_topics([prefix + "-x"])))


def configs(adm, step, topic, prefix):
    def alter(kind, name, key, value, op=AlterConfigOpType.SET):
        entry = ConfigEntry(key, value, incremental_operation=op)
        return lambda: wait(adm.incremental_alter_configs(
            [ConfigResource(kind, name, incremental_configs=[entry])]))

    def shown(kind, name, key):
        return list(wait(adm.describe_configs([ConfigResource(kind, name)])).values())[0][key].value

    kind = ConfigResource.Type.TOPIC
    step("config.topic.set", alter(kind, topic, "retention.ms", "12345"))
    step("config.topic.get", lambda: until(lambda: shown(kind, topic, "retention.ms") == "12345"))
    step("config.topic.invalid", alter(kind, topic, "retention.ms", "soon"))
    step("config.topic.unset", alter(kind, topic, "retention.ms", None, AlterConfigOpType.DELETE))
    step("config.topic.unknown", alter(kind, prefix + "-x", "retention.ms", "1"))
    kind = ConfigResource.Type.BROKER
    step("config.broker.set", alter(kind, "1", "log.cleaner.threads", "2"))
    step("config.broker.get", lambda: until(lambda: shown(kind, "1", "log.cleaner.threads") == "2"))
    step("config.broker.unset",
         alter(kind, "1", "log.cleaner.threads", None, AlterConfigOpType.DELETE))


def security(adm, step, prefix):
    user = prefix + "-user"
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    step("scram.set", lambda: wait(adm.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(user, scram, b"secret", b"salt")])))
    step("scram.get", lambda: until(lambda: adm.describe_user_scram_credentials([user])[
        user].result(30).scram_credential_infos[0].iterations == 4096))

    def delete():
        wait(adm.alter_user_scram_credentials(
            [UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256)]))

    step("scram.unset", delete)
    step("scram.unset.again", delete)
    unknown = prefix + "-x"
    step("scram.unknown",
         lambda: adm.describe_user_scram_credentials([unknown])[unknown].result(30))
    acl = (ResourceType.TOPIC, "t", ResourcePatternType.LITERAL, "User:a", "*", AclOperation.READ,
           AclPermissionType.ALLOW)
    step("acl.create", lambda: wait(adm.create_acls([AclBinding(*acl)])))
    step("acl.describe", lambda: adm.describe_acls(AclBindingFilter(*acl)).result(30))
    step("acl.delete", lambda: wait(adm.delete_acls([AclBindingFilter(*acl)])))


def groups(adm, step, topic, prefix):
    group = prefix + "-group"

    def offset():
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        answer = adm.list_consumer_group_offsets([asked])[group].result(30)
        return answer.topic_partitions[0].offset

    def alter():
        change = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 7)])
        answer = adm.alter_consumer_group_offsets([change])[group].result(30)
        return answer.topic_partitions[0].error is None

    step("group.offsets.set", lambda: until(alter))
    step("group.offsets.get", lambda: equal(offset(), 7))
    step("group.list", lambda: until(lambda: group in [
        g.group_id for g in adm.list_consumer_groups().result(30).valid]))
    step("group.describe", lambda: equal(
        wait(adm.describe_consumer_groups([group]))[group].group_id, group))
    step("group.delete", lambda: wait(adm.delete_consumer_groups([group])))
    step("group.delete.unknown", lambda: wait(adm.delete_consumer_groups([group])))


def elections(adm, step, topic, prefix):
    def elect(name):
        answer = adm.elect_leaders(ElectionType.PREFERRED, [TopicPartition(name, 0)]).result(30)
        for error in answer.values():
            if error is not None:
                raise KafkaException(error)

    step("elect.preferred", lambda: elect(topic))
    step("elect.unknown", lambda: elect(prefix + "-x"))
    step("offsets.list", lambda: equal(wait(adm.list_offsets(
        {TopicPartition(topic, 0): OffsetSpec.latest()}))[TopicPartition(topic, 0)].offset, 0))


if __name__ == "__main__":
    main(administer)
