"""librdkafka, by confluent-kafka: what a client does that knows one address."""
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from seed import DEADLINE, RECORDS, main


def base(seed):
    return {"bootstrap.servers": seed}


def send(producer, topic, prefix):
    failures = []
    for i in range(RECORDS):
        producer.produce(topic, f"{prefix}-{i}",
                         on_delivery=lambda err, _: err and failures.append(err))
    left = producer.flush(DEADLINE)
    if left or failures:
        raise KafkaException(failures[0] if failures else f"{left} records not delivered")


def produce(seed, topic, _):
    send(Producer(base(seed)), topic, "plain")


def idempotent(seed, topic, _):
    send(Producer(base(seed) | {"enable.idempotence": True}), topic, "idempotent")


def transactions(seed, topic, name):
    producer = Producer(base(seed) | {"transactional.id": name})
    producer.init_transactions(DEADLINE)
    producer.begin_transaction()
    send(producer, topic, "committed")
    producer.commit_transaction(DEADLINE)
    producer.begin_transaction()
    send(producer, topic, "aborted")
    producer.abort_transaction(DEADLINE)


def poll(consumer):
    seen, until = 0, time.monotonic() + DEADLINE
    while seen < RECORDS:
        if time.monotonic() > until:
            raise TimeoutError(f"{seen} of {RECORDS} records")
        record = consumer.poll(1)
        if record is not None:
            if record.error():
                raise KafkaException(record.error())
            seen += 1


def consumer(seed, group, **more):
    return Consumer(base(seed) | {"group.id": group, "auto.offset.reset": "earliest",
                                  "enable.auto.commit": False} | more)


def read(seed, topic, name):
    c = consumer(seed, name)
    c.assign([TopicPartition(topic, 0, 0)])
    poll(c)
    c.close()


def group(seed, topic, name, **more):
    c = consumer(seed, name, **more)
    c.subscribe([topic])
    poll(c)
    c.commit(asynchronous=False)
    c.close()


def consumer_protocol(seed, topic, name):
    group(seed, topic, name, **{"group.protocol": "consumer"})


if __name__ == "__main__":
    main(sys.modules[__name__])
