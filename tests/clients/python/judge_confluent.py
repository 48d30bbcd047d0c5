"""confluent-kafka (librdkafka) as a judge; see ../README.md."""

import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def encoded(text):
    return None if text is None else text.encode()


def decoded(data):
    return None if data is None else data.decode()


def write(bootstrap, topic, path):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, len(CODECS), 1)]).values():
        future.result(30)
    records = json.load(open(path))

    def delivered(error, message):
        if error is not None:
            raise SystemExit(f"not delivered: {error}")
        print(json.dumps({"partition": message.partition(), "offset": message.offset()}))

    for partition, codec in enumerate(CODECS):
        producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 50, "enable.idempotence": True})
        for row in records:
            headers = [(name, encoded(value)) for name, value in row["headers"]]
            producer.produce(
                topic, encoded(row["value"]), encoded(row["key"]), partition, delivered, timestamp=row["timestamp"], headers=headers
            )
        if producer.flush(30):
            raise SystemExit("not all was delivered within 30 s")


def read(bootstrap, topics):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
    ends = {}
    for topic in topics:
        for partition in consumer.list_topics(topic, 30).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 30)
            if high > low:
                ends[topic, partition] = high
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
    deadline = time.monotonic() + 60
    while ends:
        message = consumer.poll(1)
        if time.monotonic() > deadline:
            raise SystemExit(f"the ends were not reached within 60 s: {ends}")
        if message is None:
            continue
        if message.error():
            raise SystemExit(str(message.error()))
        place = message.topic(), message.partition()
        headers = [[name, decoded(value)] for name, value in message.headers() or []]
        row = {"topic": place[0], "partition": place[1], "offset": message.offset(), "timestamp": message.timestamp()[1]}
        print(json.dumps(row | {"key": decoded(message.key()), "value": decoded(message.value()), "headers": headers}))
        if message.offset() + 1 >= ends.get(place, 0):
            ends.pop(place, None)
    consumer.close()


if __name__ == "__main__":
    {"write": lambda: write(*sys.argv[2:]), "read": lambda: read(sys.argv[2], sys.argv[3:])}[sys.argv[1]]()
