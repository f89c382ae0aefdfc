"""kafka-python: what a client does that knows one address."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from seed import DEADLINE, RECORDS, main


def send(producer, topic, prefix):
    sent = [producer.send(topic, f"{prefix}-{i}".encode()) for i in range(RECORDS)]
    for future in sent:
        future.get(timeout=DEADLINE)


def produce(seed, topic, _):
    producer = KafkaProducer(bootstrap_servers=seed)
    send(producer, topic, "plain")
    producer.close()


def idempotent(seed, topic, _):
    producer = KafkaProducer(bootstrap_servers=seed, enable_idempotence=True)
    send(producer, topic, "idempotent")
    producer.close()


def transactions(seed, topic, name):
    producer = KafkaProducer(bootstrap_servers=seed, transactional_id=name)
    producer.init_transactions()
    producer.begin_transaction()
    send(producer, topic, "committed")
    producer.commit_transaction()
    producer.begin_transaction()
    send(producer, topic, "aborted")
    producer.abort_transaction()
    producer.close()


def poll(consumer):
    seen = 0
    for _ in consumer:
        seen += 1
        if seen == RECORDS:
            return
    raise TimeoutError(f"{seen} of {RECORDS} records")


def read(seed, topic, _):
    c = KafkaConsumer(bootstrap_servers=seed, auto_offset_reset="earliest",
                      consumer_timeout_ms=DEADLINE * 1000)
    c.assign([TopicPartition(topic, 0)])
    poll(c)
    c.close()


def group(seed, topic, name):
    c = KafkaConsumer(topic, bootstrap_servers=seed, group_id=name, auto_offset_reset="earliest",
                      enable_auto_commit=False, consumer_timeout_ms=DEADLINE * 1000)
    poll(c)
    c.commit()
    c.close()


if __name__ == "__main__":
    main(sys.modules[__name__])
