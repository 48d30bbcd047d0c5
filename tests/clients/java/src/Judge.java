import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Kafka's own Java client as a judge; see tests/clients/README.md for what a judge does. */
public final class Judge {
    private static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "write" -> write(args[1], args[2], Path.of(args[3]));
            case "read" -> read(args[1], Arrays.asList(args).subList(2, args.length));
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void write(String bootstrap, String topic, Path records) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, CODECS.length, (short) 1))).all().get();
        }
        for (int partition = 0; partition < CODECS.length; partition++) {
            Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "compression.type", CODECS[partition], "linger.ms", 50);
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
                for (JsonNode row : JSON.readTree(records.toFile())) {
                    var record = new ProducerRecord<>(topic, partition, row.get("timestamp").asLong(), bytes(row.get("key")), bytes(row.get("value")));
                    row.get("headers").forEach(header -> record.headers().add(header.get(0).asText(), bytes(header.get(1))));
                    sent.add(producer.send(record));
                }
            }
            for (var one : sent) {
                System.out.println("{\"partition\":" + partition + ",\"offset\":" + one.get().offset() + "}");
            }
        }
    }

    private static void read(String bootstrap, List<String> topics) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", false, "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : topics) {
                consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                if (System.nanoTime() > deadline) throw new IllegalStateException("the end was not reached within 60 s");
                consumer.poll(Duration.ofMillis(200)).forEach(Judge::print);
            }
        }
    }

    private static void print(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode row = JSON.createObjectNode();
        row.put("topic", record.topic()).put("partition", record.partition()).put("offset", record.offset());
        row.put("timestamp", record.timestamp()).put("key", text(record.key())).put("value", text(record.value()));
        var headers = row.putArray("headers");
        record.headers().forEach(header -> headers.addArray().add(header.key()).add(text(header.value())));
        System.out.println(row);
    }

    private static byte[] bytes(JsonNode node) {
        return node.isNull() ? null : node.asText().getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
