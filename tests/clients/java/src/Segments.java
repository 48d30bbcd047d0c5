import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.FileRecords;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Real files of Apache Kafka's log as facts to test against.
 * Usage: Segments write BOOTSTRAP             writes a topic with a partition for each codec, in small segments
 *        Segments records DATA_FOLDER GOLDEN  keeps one value of each record type of the metadata log
 */
public final class Segments {
    private static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "write" -> write(args[1]);
            case "records" -> records(Path.of(args[1]), Path.of(args[2]));
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void write(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            var small = Map.of("internal.segment.bytes", "1200", "index.interval.bytes", "200", "retention.ms", "-1");
            admin.createTopics(List.of(new NewTopic("segments", CODECS.length, (short) 1).configs(small))).all().get();
        }
        for (int partition = 0; partition < CODECS.length; partition++) {
            Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "compression.type", CODECS[partition], "linger.ms", 100);
            try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
                for (int batch = 0; batch < 12; batch++) {
                    for (int i = 0; i < 3; i++) producer.send(record(partition, batch * 3 + i));
                    producer.flush();
                }
            }
        }
    }

    private static ProducerRecord<byte[], byte[]> record(int partition, int number) {
        byte[] key = number % 4 == 0 ? null : ("key-" + number % 5).getBytes();
        byte[] value = number % 7 == 6 ? null : ("value " + number + " " + "abc".repeat(number % 11)).getBytes();
        var record = new ProducerRecord<>("segments", partition, 1_700_000_000_000L + number * 10L, key, value);
        record.headers().add(new RecordHeader("number", Integer.toString(number).getBytes()));
        if (number % 5 == 0) record.headers().add(new RecordHeader("number", null));
        return record;
    }

    private static void records(Path data, Path golden) throws IOException {
        Map<String, Integer> seen = new TreeMap<>();
        try (Stream<Path> files = Files.list(data.resolve("__cluster_metadata-0"))) {
            for (Path file : files.filter(file -> file.toString().matches(".*\\.(log|checkpoint)")).sorted().toList()) {
                keepRecords(file, golden, seen);
            }
        }
    }

    private static void keepRecords(Path file, Path golden, Map<String, Integer> seen) throws IOException {
        try (var log = FileRecords.open(file.toFile(), false)) {
            for (var batch : log.batches()) {
                for (Record record : batch) {
                    byte[] value = bytes(record.value());
                    String name = batch.isControlBatch() ? control(record.key()) : metadata(value);
                    int count = seen.merge(name, 1, Integer::sum);
                    if (count > 3) continue;
                    String path = "record/" + name + (batch.isControlBatch() ? "" : "-" + count) + ".bin";
                    if (batch.isControlBatch() && count > 1) continue;
                    Files.write(golden.resolve(path), value);
                    Files.writeString(golden.resolve("index.txt"), path + " " + value.length + " bytes, offset " + record.offset() + " of " + file.getFileName() + "\n", java.nio.file.StandardOpenOption.APPEND);
                }
            }
        }
    }

    private static String metadata(byte[] value) {
        var type = org.apache.kafka.common.metadata.MetadataRecordType.fromId((short) value[1]);
        return type.name().toLowerCase() + "-v" + value[2];
    }

    private static String control(ByteBuffer key) {
        short type = key.getShort(key.position() + 2);
        String name = org.apache.kafka.common.record.ControlRecordType.fromTypeId(type).name().toLowerCase();
        return "control-" + type + "-" + name;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
