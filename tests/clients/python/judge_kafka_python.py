"""kafka-python as a judge; see ../README.md. Its producer refuses null header values, so they are left out."""

import json
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


def encoded(text):
    return None if text is None else text.encode()


def decoded(data):
    return None if data is None else data.decode()


def write(bootstrap, topic, path):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, len(CODECS), 1)])
    admin.close()
    records = json.load(open(path))
    for partition, codec in enumerate(CODECS):
        producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=50, acks="all")
        sent = []
        for row in records:
            headers = [(name, encoded(value)) for name, value in row["headers"] if value is not None]
            sent.append(producer.send(topic, encoded(row["value"]), encoded(row["key"]), headers, partition, row["timestamp"]))
        producer.flush(30)
        for future in sent:
            metadata = future.get(30)
            print(json.dumps({"partition": metadata.partition, "offset": metadata.offset}))
        producer.close()


def read(bootstrap, topics):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    places = [TopicPartition(topic, partition) for topic in topics for partition in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    consumer.seek_to_beginning(*places)
    deadline = time.monotonic() + 60
    while any(consumer.position(place) < ends[place] for place in places):
        if time.monotonic() > deadline:
            raise SystemExit("the ends were not reached within 60 s")
        for place, messages in consumer.poll(500).items():
            for message in messages:
                headers = [[name, decoded(value)] for name, value in message.headers]
                row = {"topic": place.topic, "partition": place.partition, "offset": message.offset, "timestamp": message.timestamp}
                print(json.dumps(row | {"key": decoded(message.key), "value": decoded(message.value), "headers": headers}))
    consumer.close()


if __name__ == "__main__":
    {"write": lambda: write(*sys.argv[2:]), "read": lambda: read(sys.argv[2], sys.argv[3:])}[sys.argv[1]]()
