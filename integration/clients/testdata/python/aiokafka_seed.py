"""aiokafka: what a client does that knows one address."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from seed import DEADLINE, RECORDS, main


def timed(coroutine):
    return lambda *args: asyncio.run(asyncio.wait_for(coroutine(*args), DEADLINE))


async def send(producer, topic, prefix):
    for i in range(RECORDS):
        await producer.send_and_wait(topic, f"{prefix}-{i}".encode())


@timed
async def produce(seed, topic, _):
    async with AIOKafkaProducer(bootstrap_servers=seed) as producer:
        await send(producer, topic, "plain")


@timed
async def idempotent(seed, topic, _):
    async with AIOKafkaProducer(bootstrap_servers=seed, enable_idempotence=True) as producer:
        await send(producer, topic, "idempotent")


@timed
async def transactions(seed, topic, name):
    async with AIOKafkaProducer(bootstrap_servers=seed, transactional_id=name) as producer:
        async with producer.transaction():
            await send(producer, topic, "committed")
        await producer.begin_transaction()
        await send(producer, topic, "aborted")
        await producer.abort_transaction()


async def poll(consumer):
    for _ in range(RECORDS):
        await consumer.getone()


@timed
async def read(seed, topic, _):
    consumer = AIOKafkaConsumer(bootstrap_servers=seed, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    async with consumer:
        await poll(consumer)


@timed
async def group(seed, topic, name):
    async with AIOKafkaConsumer(topic, bootstrap_servers=seed, group_id=name,
                                auto_offset_reset="earliest",
                                enable_auto_commit=False) as consumer:
        await poll(consumer)
        await consumer.commit()


if __name__ == "__main__":
    main(sys.modules[__name__])
