// franz-go as a judge; see ../README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type header [2]*string

type row struct {
	Topic     string   `json:"topic,omitempty"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       *string  `json:"key"`
	Value     *string  `json:"value"`
	Headers   []header `json:"headers"`
}

type codec struct {
	name  string
	codec kgo.CompressionCodec
}

var codecs = []codec{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var err error
	switch os.Args[1] {
	case "write":
		err = write(ctx, os.Args[2], os.Args[3], os.Args[4])
	case "read":
		err = read(ctx, os.Args[2], os.Args[3:])
	default:
		err = fmt.Errorf("unknown verb %s", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(ctx context.Context, bootstrap, topic, path string) error {
	if err := create(ctx, bootstrap, topic); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	for partition, codec := range codecs {
		client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codec.codec),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(50*time.Millisecond))
		if err != nil {
			return err
		}
		records := make([]*kgo.Record, 0, len(rows))
		for _, row := range rows {
			records = append(records, recordOf(row, topic, int32(partition)))
		}
		for _, result := range client.ProduceSync(ctx, records...) {
			if result.Err != nil {
				return fmt.Errorf("%s: %w", codec.name, result.Err)
			}
			fmt.Printf("{\"partition\":%d,\"offset\":%d}\n", result.Record.Partition, result.Record.Offset)
		}
		client.Close()
	}
	return nil
}

func create(ctx context.Context, bootstrap, topic string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, int32(len(codecs)), 1
	request.Topics = append(request.Topics, wanted)
	request.TimeoutMillis = 30000
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.Topics[0].ErrorCode)
}

func recordOf(row row, topic string, partition int32) *kgo.Record {
	record := &kgo.Record{Topic: topic, Partition: partition, Key: bytesOf(row.Key), Value: bytesOf(row.Value)}
	record.Timestamp = time.UnixMilli(row.Timestamp)
	for _, header := range row.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: *header[0], Value: bytesOf(header[1])})
	}
	return record
}

func read(ctx context.Context, bootstrap string, topics []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	ends, err := endOffsets(ctx, client, topics)
	client.Close()
	if err != nil {
		return err
	}
	assigned := map[string]map[int32]kgo.Offset{}
	waiting := map[string]int64{}
	for topic, partitions := range ends {
		assigned[topic] = map[int32]kgo.Offset{}
		for partition, end := range partitions {
			assigned[topic][partition] = kgo.NewOffset().AtStart()
			if end > 0 {
				waiting[fmt.Sprint(topic, "/", partition)] = end
			}
		}
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumePartitions(assigned))
	if err != nil {
		return err
	}
	defer consumer.Close()
	for len(waiting) > 0 {
		fetches := consumer.PollFetches(ctx)
		if errs := fetches.Errors(); len(errs) > 0 {
			return fmt.Errorf("%s-%d: %w", errs[0].Topic, errs[0].Partition, errs[0].Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			show(record)
			place := fmt.Sprint(record.Topic, "/", record.Partition)
			if end, there := waiting[place]; there && record.Offset+1 >= end {
				delete(waiting, place)
			}
		})
	}
	return nil
}

// endOffsets asks for the topics' partitions and the end of each.
func endOffsets(ctx context.Context, client *kgo.Client, topics []string) (map[string]map[int32]int64, error) {
	metadata := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		wanted := kmsg.NewMetadataRequestTopic()
		wanted.Topic = kmsg.StringPtr(topic)
		metadata.Topics = append(metadata.Topics, wanted)
	}
	found, err := metadata.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	request := kmsg.NewPtrListOffsetsRequest()
	for _, topic := range found.Topics {
		wanted := kmsg.NewListOffsetsRequestTopic()
		wanted.Topic = *topic.Topic
		for _, partition := range topic.Partitions {
			end := kmsg.NewListOffsetsRequestTopicPartition()
			end.Partition, end.Timestamp = partition.Partition, -1
			wanted.Partitions = append(wanted.Partitions, end)
		}
		request.Topics = append(request.Topics, wanted)
	}
	ends := map[string]map[int32]int64{}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, topic := range answer.Topics {
		ends[topic.Topic] = map[int32]int64{}
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return nil, err
			}
			ends[topic.Topic][partition.Partition] = partition.Offset
		}
	}
	return ends, nil
}

func show(record *kgo.Record) {
	shown := row{Topic: record.Topic, Partition: record.Partition, Offset: record.Offset, Timestamp: record.Timestamp.UnixMilli(),
		Key: textOf(record.Key), Value: textOf(record.Value), Headers: []header{}}
	for _, one := range record.Headers {
		name := one.Key
		shown.Headers = append(shown.Headers, header{&name, textOf(one.Value)})
	}
	line, err := json.Marshal(shown)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func bytesOf(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}

func textOf(data []byte) *string {
	if data == nil {
		return nil
	}
	text := string(data)
	return &text
}
