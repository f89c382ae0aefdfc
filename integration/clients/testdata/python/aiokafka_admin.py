"""aiokafka: everything that its admin client has."""
import asyncio

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import BrokerResponseError, for_code

from admin import Steps, equal, main, until


def code(error):
    return error.errno if isinstance(error, BrokerResponseError) else None


def check(error_code):
    if error_code:
        raise for_code(error_code)


def administer(seed, prefix):
    with asyncio.Runner() as runner:
        adm = runner.run(connect(seed))
        steps(adm, lambda coroutine: runner.run(asyncio.wait_for(coroutine, 30)), prefix)
        runner.run(adm.close())


async def connect(seed):
    adm = AIOKafkaAdminClient(bootstrap_servers=seed)
    await adm.start()
    return adm


def steps(adm, run, prefix):
    step = Steps(code).do
    topic = prefix + "-topic"

    def create(name, partitions=3, factor=1, configs=None, **more):
        def action():
            new = NewTopic(name, partitions, factor, topic_configs=configs or {})
            for _, error_code, *_ in run(adm.create_topics([new], **more)).topic_errors:
                check(error_code)
        return action

    step("topic.create", create(topic))
    step("topic.create.again", create(topic))
    step("topic.create.factor", create(prefix + "-x", factor=9))
    step("topic.create.config", create(prefix + "-x", configs={"retention.ms": "soon"}))
    step("topic.create.name", create("not a name"))
    step("topic.create.check", create(prefix + "-x", validate_only=True))
    step("topic.list", lambda: until(lambda: topic in run(adm.list_topics())))
    step("topic.describe", lambda: until(
        lambda: len(run(adm.describe_topics([topic]))[0]["partitions"]) == 3))
    step("topic.describe.unknown", lambda: check(
        run(adm.describe_topics([prefix + "-x"]))[0]["error_code"]))

    def partitions(name, count):
        return lambda: run(adm.create_partitions({name: NewPartitions(count)}))

    step("partitions.create", partitions(topic, 5))
    step("partitions.create.fewer", partitions(topic, 2))
    step("partitions.create.unknown", partitions(prefix + "-x", 2))
    configs(adm, run, step, topic, prefix)
    step("records.delete", lambda: run(adm.delete_records(
        {TopicPartition(topic, 0): RecordsToDelete(0)})))

    def delete(name):
        def action():
            for _, error_code in run(adm.delete_topics([name])).topic_error_codes:
                check(error_code)
        return action

    step("topic.delete", delete(topic))
    step("topic.delete.unknown", delete(prefix + "-x"))


def configs(adm, run, step, topic, prefix):
    kind = ConfigResourceType.TOPIC

    def alter(name, value):
        def action():
            for answer in run(adm.alter_configs(
                    [ConfigResource(kind, name, {"retention.ms": value})])):
                for error_code, *_ in answer.resources:
                    check(error_code)
        return action

    def shown():
        answer = run(adm.describe_configs([ConfigResource(kind, topic)]))[0]
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}["retention.ms"]

    step("config.topic.set", alter(topic, "12345"))
    step("config.topic.get", lambda: until(lambda: shown() == "12345"))
    step("config.topic.invalid", alter(topic, "soon"))
    step("config.topic.unknown", alter(prefix + "-x", "1"))


if __name__ == "__main__":
    main(administer)
