//! The two requests and two responses that a broker spends its days on, decoded and encoded. A quick run:
//! `cargo bench -p wire -- --quick`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wire::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use wire::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
    TopicProduceResponse,
};
use wire::{Message, Uuid};

const PARTITIONS: i32 = 50;
const RECORDS_BYTES: usize = 16 * 1024;

fn records() -> Option<Bytes> {
    Some(Bytes::from(vec![7; RECORDS_BYTES]))
}

fn produce_request() -> ProduceRequest {
    let partition = |index| PartitionProduceData {
        index,
        records: records(),
    };
    let topic = TopicProduceData {
        topic_id: Uuid::ONE,
        partition_data: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..Default::default()
    }
}

fn produce_response() -> ProduceResponse {
    let partition = |index| PartitionProduceResponse {
        index,
        base_offset: 1_000_000,
        ..Default::default()
    };
    let topic = TopicProduceResponse {
        topic_id: Uuid::ONE,
        partition_responses: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    ProduceResponse {
        responses: vec![topic],
        ..Default::default()
    }
}

fn fetch_request() -> FetchRequest {
    let partition = |partition| FetchPartition {
        partition,
        fetch_offset: 1_000_000,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic_id: Uuid::ONE,
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        topics: vec![topic],
        ..Default::default()
    }
}

fn fetch_response() -> FetchResponse {
    let partition = |partition_index| PartitionData {
        partition_index,
        high_watermark: 2_000_000,
        aborted_transactions: None,
        records: records(),
        ..Default::default()
    };
    let topic = FetchableTopicResponse {
        topic_id: Uuid::ONE,
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    FetchResponse {
        responses: vec![topic],
        ..Default::default()
    }
}

fn both_ways<M: Message>(criterion: &mut Criterion, name: &str, message: &M, version: i16) {
    let bytes = message.to_bytes(version).expect("a message of this version");
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(PARTITIONS as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| M::decode(&mut black_box(bytes.clone()), version).expect("its own bytes"));
    });
    group.bench_function("encode", |bencher| {
        let room = || BytesMut::with_capacity(bytes.len());
        bencher.iter_batched_ref(
            room,
            |buf| black_box(message).encode(buf, version),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// What a broker does when the records themselves go by `send_file`.
fn around_records(criterion: &mut Criterion) {
    let response = fetch_response();
    let lengths = vec![Some(RECORDS_BYTES as u32); PARTITIONS as usize];
    let mut group = criterion.benchmark_group("FetchResponse 18");
    group.throughput(Throughput::Elements(PARTITIONS as u64));
    group.bench_function("encode around records", |bencher| {
        let room = || BytesMut::with_capacity(64 * PARTITIONS as usize);
        let encode = |buf: &mut BytesMut| response.encode_around_records(buf, 18, &lengths);
        bencher.iter_batched_ref(room, encode, BatchSize::SmallInput);
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    both_ways(criterion, "ProduceRequest 13", &produce_request(), 13);
    both_ways(criterion, "ProduceResponse 13", &produce_response(), 13);
    both_ways(criterion, "FetchRequest 18", &fetch_request(), 18);
    both_ways(criterion, "FetchResponse 18", &fetch_response(), 18);
    around_records(criterion);
}

criterion_group!(codec, benches);
criterion_main!(codec);
