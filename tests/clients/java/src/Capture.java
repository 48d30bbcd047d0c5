import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * Captures golden bytes: each API that we serve, at each version, asked of Apache Kafka with Kafka's own encoder.
 * Usage: Capture HOST PORT FOLDER
 */
public final class Capture {
    private static final String TOPIC = "golden";
    private static final long TIME = 1_700_000_000_000L;
    private final Frames frames;
    private Uuid topicId = Uuid.ZERO_UUID;

    private Capture(Frames frames) {
        this.frames = frames;
    }

    public static void main(String[] args) throws Exception {
        try (var frames = new Frames(Path.of(args[2]), args[0], Integer.parseInt(args[1]))) {
            var capture = new Capture(frames);
            capture.handshake();
            capture.topics();
            capture.producing();
            capture.reading();
            capture.administration();
            capture.endings();
            frames.writeIndex(AppInfoParser.getVersion());
        }
    }

    private void handshake() throws Exception {
        for (int v = 0; v <= 4; v++) {
            var request = new ApiVersionsRequestData();
            if (v >= 3) request.setClientSoftwareName("golden").setClientSoftwareVersion("1.0");
            frames.exchange(ApiKeys.API_VERSIONS, v, "", request);
        }
    }

    private void topics() throws Exception {
        for (int v = 2; v <= 7; v++) {
            String name = v == 7 ? TOPIC : "golden-create-v" + v;
            var topic = new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(2).setReplicationFactor((short) 1);
            topic.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName("retention.ms").setValue("-1"));
            var request = new CreateTopicsRequestData().setTimeoutMs(10_000).setValidateOnly(v < 7);
            request.topics().add(topic);
            var assigned = new CreateTopicsRequestData.CreatableTopic().setName("assigned").setNumPartitions(-1).setReplicationFactor((short) -1);
            assigned.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(List.of(1)));
            if (v < 7) request.topics().add(assigned);
            var response = (CreateTopicsResponseData) frames.exchange(ApiKeys.CREATE_TOPICS, v, "", request);
            if (v == 7) topicId = response.topics().find(TOPIC).topicId();
            request.setValidateOnly(true).topics().find(name).setName("bad name!");
            if (v >= 5) frames.exchange(ApiKeys.CREATE_TOPICS, v, "error", new CreateTopicsRequestData().setTopics(request.topics().duplicate()).setValidateOnly(true).setTimeoutMs(10_000));
        }
        Thread.sleep(500);
        for (int v = 0; v <= 13; v++) {
            var request = new MetadataRequestData();
            request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(TOPIC));
            request.topics().add(new MetadataRequestData.MetadataRequestTopic().setName("absent"));
            if (v >= 4) request.setAllowAutoTopicCreation(false);
            if (v >= 8) request.setIncludeTopicAuthorizedOperations(true);
            frames.exchange(ApiKeys.METADATA, v, "", request);
            if (v >= 1) frames.exchange(ApiKeys.METADATA, v, "all", new MetadataRequestData().setTopics(null));
        }
        var byId = new MetadataRequestData();
        byId.topics().add(new MetadataRequestData.MetadataRequestTopic().setTopicId(topicId).setName(null));
        frames.exchange(ApiKeys.METADATA, 13, "by-id", byId);
    }

    private void producing() throws Exception {
        for (int v = 3; v <= 13; v++) {
            frames.exchange(ApiKeys.PRODUCE, v, "", produce(v, Compression.of(CompressionType.NONE).build()));
        }
        for (CompressionType codec : List.of(CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD)) {
            frames.exchange(ApiKeys.PRODUCE, 13, codec.name, produce(13, Compression.of(codec).build()));
            frames.exchange(ApiKeys.PRODUCE, 9, codec.name, produce(9, Compression.of(codec).build()));
        }
        frames.exchange(ApiKeys.PRODUCE, 13, "error", produce(13, Compression.NONE).setTopicData(unknownTopic()));
        frames.exchange(ApiKeys.PRODUCE, 8, "error", spoilt(produce(8, Compression.NONE)));
        for (int v = 0; v <= 5; v++) {
            var request = new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60_000);
            frames.exchange(ApiKeys.INIT_PRODUCER_ID, v, "", request);
        }
    }

    private ProduceRequestData produce(int version, Compression compression) {
        Header[] headers = {new RecordHeader("a", "1".getBytes()), new RecordHeader("b", null), new RecordHeader("a", "2".getBytes())};
        var records = MemoryRecords.withRecords(compression,
            new SimpleRecord(TIME, "key".getBytes(), ("value " + version).getBytes()),
            new SimpleRecord(TIME + 1, null, "x".repeat(100).getBytes(), headers),
            new SimpleRecord(TIME + 2, "gone".getBytes(), null));
        var topic = new ProduceRequestData.TopicProduceData();
        if (version >= 13) topic.setTopicId(topicId); else topic.setName(TOPIC);
        topic.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records));
        var request = new ProduceRequestData().setAcks((short) -1).setTimeoutMs(5_000);
        request.topicData().add(topic);
        return request;
    }

    private static ProduceRequestData.TopicProduceDataCollection unknownTopic() {
        var topics = new ProduceRequestData.TopicProduceDataCollection();
        var topic = new ProduceRequestData.TopicProduceData().setTopicId(new Uuid(7, 7));
        topic.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(MemoryRecords.EMPTY));
        topics.add(topic);
        return topics;
    }

    /** A record of the year 2286: the answer names the record and the reason. */
    private static ProduceRequestData spoilt(ProduceRequestData request) {
        var records = MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(9_999_999_999_999L, null, "x".getBytes()));
        request.topicData().iterator().next().partitionData().get(0).setRecords(records);
        return request;
    }

    private void reading() throws Exception {
        for (int v = 4; v <= 18; v++) {
            frames.exchange(ApiKeys.FETCH, v, "", fetch(v, 0));
            if (v >= 13 || v == 4 || v == 11) frames.exchange(ApiKeys.FETCH, v, "out-of-range", fetch(v, 1_000_000));
        }
        for (int v = 1; v <= 11; v++) {
            for (long timestamp : new long[] {-1, -2, -3, TIME + 1, Long.MAX_VALUE}) {
                if (timestamp == -3 && v < 7) continue;
                String what = timestamp == -1 ? "" : timestamp == -2 ? "earliest" : timestamp == -3 ? "max-timestamp" : timestamp == Long.MAX_VALUE ? "never" : "time";
                var partition = new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(0).setTimestamp(timestamp);
                var request = new ListOffsetsRequestData().setReplicaId(-1);
                if (v >= 10) request.setTimeoutMs(5_000);
                request.topics().add(new ListOffsetsRequestData.ListOffsetsTopic().setName(TOPIC).setPartitions(List.of(partition)));
                frames.exchange(ApiKeys.LIST_OFFSETS, v, what, request);
            }
        }
        for (int v = 2; v <= 4; v++) {
            var request = new OffsetForLeaderEpochRequestData();
            if (v >= 3) request.setReplicaId(-1);
            var topic = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(TOPIC);
            topic.partitions().add(new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(0).setLeaderEpoch(0));
            topic.partitions().add(new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(1).setLeaderEpoch(9));
            request.topics().add(topic);
            frames.exchange(ApiKeys.OFFSET_FOR_LEADER_EPOCH, v, "", request);
        }
    }

    private FetchRequestData fetch(int version, long offset) {
        var partition = new FetchRequestData.FetchPartition().setPartition(0).setFetchOffset(offset).setPartitionMaxBytes(300);
        var topic = new FetchRequestData.FetchTopic().setPartitions(List.of(partition));
        if (version >= 13) topic.setTopicId(topicId); else topic.setTopic(TOPIC);
        var request = new FetchRequestData().setMaxWaitMs(100).setMinBytes(1).setMaxBytes(300).setTopics(List.of(topic));
        if (version < 15) request.setReplicaId(-1);
        if (version >= 7) request.setSessionId(0).setSessionEpoch(version % 2 == 0 ? 0 : -1);
        return request;
    }

    private void administration() throws Exception {
        for (int v = 1; v <= 4; v++) {
            for (byte type : new byte[] {2, 4}) {
                var resource = new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType(type).setResourceName(type == 2 ? TOPIC : "1");
                resource.setConfigurationKeys(type == 2 ? List.of("retention.ms", "cleanup.policy", "min.insync.replicas") : List.of("log.retention.ms", "num.partitions"));
                var request = new DescribeConfigsRequestData().setResources(List.of(resource)).setIncludeSynonyms(true);
                if (v >= 3) request.setIncludeDocumentation(true);
                frames.exchange(ApiKeys.DESCRIBE_CONFIGS, v, type == 2 ? "" : "broker", request);
            }
        }
        for (int v = 0; v <= 1; v++) {
            frames.exchange(ApiKeys.INCREMENTAL_ALTER_CONFIGS, v, "", incremental("max.message.bytes", "1000012"));
            frames.exchange(ApiKeys.INCREMENTAL_ALTER_CONFIGS, v, "error", incremental("max.message.bytes", "many"));
        }
        for (int v = 0; v <= 2; v++) {
            var resource = new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 2).setResourceName(TOPIC);
            resource.configs().add(new AlterConfigsRequestData.AlterableConfig().setName("retention.ms").setValue("-1"));
            var request = new AlterConfigsRequestData();
            request.resources().add(resource);
            frames.exchange(ApiKeys.ALTER_CONFIGS, v, "", request);
        }
        for (int v = 0; v <= 3; v++) {
            var request = new CreatePartitionsRequestData().setTimeoutMs(10_000).setValidateOnly(v < 3);
            request.topics().add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(TOPIC).setCount(3).setAssignments(null));
            frames.exchange(ApiKeys.CREATE_PARTITIONS, v, "", request);
        }
        for (int v = 0; v <= 2; v++) {
            var request = new DescribeClusterRequestData().setIncludeClusterAuthorizedOperations(true);
            frames.exchange(ApiKeys.DESCRIBE_CLUSTER, v, "", request);
        }
        var partitions = new DescribeTopicPartitionsRequestData().setResponsePartitionLimit(1);
        partitions.topics().add(new DescribeTopicPartitionsRequestData.TopicRequest().setName(TOPIC));
        frames.exchange(ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0, "", partitions);
        partitions.setCursor(new DescribeTopicPartitionsRequestData.Cursor().setTopicName(TOPIC).setPartitionIndex(1));
        frames.exchange(ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0, "cursor", partitions);
        for (int v = 1; v <= 4; v++) {
            var request = new DescribeLogDirsRequestData();
            request.topics().add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic(TOPIC).setPartitions(List.of(0, 1)));
            frames.exchange(ApiKeys.DESCRIBE_LOG_DIRS, v, "", request);
        }
        idempotent();
        var request = new DescribeProducersRequestData();
        request.topics().add(new DescribeProducersRequestData.TopicRequest().setName(TOPIC).setPartitionIndexes(List.of(1, 99)));
        frames.exchange(ApiKeys.DESCRIBE_PRODUCERS, 0, "", request);
    }

    private static IncrementalAlterConfigsRequestData incremental(String name, String value) {
        var resource = new IncrementalAlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 2).setResourceName(TOPIC);
        resource.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(name).setValue(value).setConfigOperation((byte) 0));
        var request = new IncrementalAlterConfigsRequestData();
        request.resources().add(resource);
        return request;
    }

    /** Writes as an idempotent producer, so that DescribeProducers has one to tell of; then repeats itself and leaves a gap. */
    private void idempotent() throws Exception {
        var init = (InitProducerIdResponseData) frames.exchange(ApiKeys.INIT_PRODUCER_ID, 5, "used", new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60_000));
        int[] sequences = {0, 0, 7};
        String[] names = {"idempotent", "duplicate", "gap"};
        for (int i = 0; i < names.length; i++) {
            var records = MemoryRecords.withIdempotentRecords(Compression.NONE, init.producerId(), init.producerEpoch(), sequences[i], new SimpleRecord(TIME, null, "once".getBytes()));
            var request = produce(13, Compression.NONE);
            request.topicData().iterator().next().partitionData().get(0).setIndex(1).setRecords(records);
            frames.exchange(ApiKeys.PRODUCE, 13, names[i], request);
        }
    }

    private void endings() throws Exception {
        for (int v = 0; v <= 2; v++) {
            var topic = new DeleteRecordsRequestData.DeleteRecordsTopic().setName(TOPIC);
            topic.partitions().add(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(0).setOffset(3 + v));
            topic.partitions().add(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(1).setOffset(1_000));
            var request = new DeleteRecordsRequestData().setTimeoutMs(5_000).setTopics(List.of(topic));
            frames.exchange(ApiKeys.DELETE_RECORDS, v, "", request);
        }
        for (int v = 1; v <= 5; v++) {
            var request = new DeleteTopicsRequestData().setTimeoutMs(5_000).setTopicNames(new ArrayList<>(List.of("absent")));
            frames.exchange(ApiKeys.DELETE_TOPICS, v, "", request);
        }
        var request = new DeleteTopicsRequestData().setTimeoutMs(5_000);
        request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setTopicId(topicId).setName(null));
        request.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName("absent"));
        frames.exchange(ApiKeys.DELETE_TOPICS, 6, "", request);
    }
}
