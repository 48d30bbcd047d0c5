"""aiokafka as a judge; see ../README.md."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


def encoded(text):
    return None if text is None else text.encode()


def decoded(data):
    return None if data is None else data.decode()


async def write(bootstrap, topic, path):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, len(CODECS), 1)])
    await admin.close()
    records = json.load(open(path))
    for partition, codec in enumerate(CODECS):
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=50, enable_idempotence=True)
        await producer.start()
        sent = []
        for row in records:
            headers = [(name, encoded(value)) for name, value in row["headers"]]
            sent.append(
                await producer.send(
                    topic, encoded(row["value"]), encoded(row["key"]), partition, timestamp_ms=row["timestamp"], headers=headers
                )
            )
        for metadata in await asyncio.wait_for(asyncio.gather(*sent), 30):
            print(json.dumps({"partition": metadata.partition, "offset": metadata.offset}))
        await producer.stop()


async def read(bootstrap, topics):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    await consumer._client.force_metadata_update()
    places = []
    for topic in topics:
        await consumer._client.add_topic(topic)
        places += [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    waiting = {place for place in places if ends[place] > 0}
    deadline = asyncio.get_running_loop().time() + 60
    while waiting:
        if asyncio.get_running_loop().time() > deadline:
            raise SystemExit("the ends were not reached within 60 s")
        for place, messages in (await consumer.getmany(timeout_ms=500)).items():
            for message in messages:
                headers = [[name, decoded(value)] for name, value in message.headers]
                row = {"topic": place.topic, "partition": place.partition, "offset": message.offset, "timestamp": message.timestamp}
                print(json.dumps(row | {"key": decoded(message.key), "value": decoded(message.value), "headers": headers}))
                if message.offset + 1 >= ends[place]:
                    waiting.discard(place)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(write(*sys.argv[2:]) if sys.argv[1] == "write" else read(sys.argv[2], sys.argv[3:]))
