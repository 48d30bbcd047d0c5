// kafkajs as a judge; see ../README.md. It knows no assigned partitions, so it writes only.
// Run with NODE_PATH at target/tools/node/node_modules.
"use strict";

const fs = require("fs");
const { Kafka, CompressionTypes, CompressionCodecs, Partitioners, logLevel } = require("kafkajs");
const lz4 = require("lz4js");
const xxh32 = require("lz4js/xxh32.js");
const snappy = require("snappyjs");
const zstd = require("@bokuweb/zstd-wasm");

const CODECS = [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD];

// lz4js leaves out the flag that says "blocks are independent", which Kafka insists on and which one block always is.
function lz4Frame(buffer) {
  const frame = Buffer.from(lz4.compress(buffer));
  frame[4] |= 0x20;
  frame[6] = (xxh32.hash(0, frame, 4, 2) >> 8) & 0xff;
  return frame;
}

const codec = (compress, decompress) => () => ({
  compress: async (encoder) => Buffer.from(compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(decompress(buffer)),
});
CompressionCodecs[CompressionTypes.Snappy] = codec(snappy.compress, snappy.uncompress);
CompressionCodecs[CompressionTypes.LZ4] = codec(lz4Frame, lz4.decompress);
CompressionCodecs[CompressionTypes.ZSTD] = codec((buffer) => zstd.compress(buffer, 3), zstd.decompress);

// kafkajs takes headers as an object, in which a repeated name has an array of values, and knows no null values: they are left out.
function headersOf(row) {
  const headers = {};
  for (const [name, value] of row.headers.filter(([, value]) => value !== null)) {
    (headers[name] ??= []).push(value);
  }
  return headers;
}

async function write(bootstrap, topic, path) {
  await zstd.init();
  const kafka = new Kafka({ clientId: "judge", brokers: [bootstrap], logLevel: logLevel.WARN });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: CODECS.length, replicationFactor: 1 }] });
  await admin.disconnect();
  const rows = JSON.parse(fs.readFileSync(path, "utf8"));
  for (const [partition, compression] of CODECS.entries()) {
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
    await producer.connect();
    const messages = rows.map((row) => ({
      partition, key: row.key, value: row.value, timestamp: String(row.timestamp), headers: headersOf(row),
    }));
    const [answer] = await producer.send({ topic, compression, acks: -1, messages });
    messages.forEach((_, index) => {
      console.log(JSON.stringify({ partition: answer.partition, offset: Number(answer.baseOffset) + index }));
    });
    await producer.disconnect();
  }
}

write(...process.argv.slice(3)).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
