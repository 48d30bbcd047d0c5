//! What a broker and a client do to each batch: check, build, walk, compress, decompress. Run a quick one with
//! `cargo bench -p records -- --quick`.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use records::{
    Batch, BatchBuilder, ClientRules, Compression, Depth, set_base_offset, set_partition_leader_epoch,
    validate_client_batch,
};

const RECORDS: usize = 1000;
const VALUE_BYTES: usize = 100;

/// Text-like values, which compress about as well as logs do.
fn value(i: usize) -> Vec<u8> {
    let mut text = format!(
        "user={} action=click page=/item/{} ",
        i * 7919 % 1000,
        i * 104_729 % 5000
    );
    while text.len() < VALUE_BYTES {
        text.push_str(["alpha ", "beta ", "gamma "][(i + text.len()) % 3]);
    }
    text.truncate(VALUE_BYTES);
    text.into_bytes()
}

fn build(codec: Compression, values: &[Vec<u8>]) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    for (i, value) in values.iter().enumerate() {
        builder
            .append(
                Some(&(i as u64).to_be_bytes()),
                Some(value),
                &[],
                1_700_000_000_000 + i as i64,
            )
            .expect("fits");
    }
    builder.build().expect("builds")
}

fn parse(bytes: &Bytes) -> Batch {
    Batch::parse(&mut bytes.clone()).expect("a batch")
}

fn checks(c: &mut Criterion) {
    let values: Vec<_> = (0..RECORDS).map(value).collect();
    let bytes = build(Compression::None, &values);
    let mut group = c.benchmark_group("check");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("crc", |b| b.iter(|| black_box(parse(&bytes)).verify_crc()));
    group.bench_function("header_rules", |b| {
        let rules = ClientRules {
            now_ms: 1_700_000_000_000,
            ..ClientRules::default()
        };
        b.iter(|| validate_client_batch(&parse(black_box(&bytes)), &rules).expect("good"))
    });
    group.bench_function("record_rules", |b| {
        let rules = ClientRules {
            depth: Depth::Records,
            now_ms: 1_700_000_000_000,
            ..ClientRules::default()
        };
        b.iter(|| validate_client_batch(&parse(black_box(&bytes)), &rules).expect("good"))
    });
    group.bench_function("patch", |b| {
        let mut patched = bytes.to_vec();
        b.iter(|| {
            set_base_offset(black_box(&mut patched), 77);
            set_partition_leader_epoch(black_box(&mut patched), 3);
        })
    });
    group.finish();
}

fn walks(c: &mut Criterion) {
    let values: Vec<_> = (0..RECORDS).map(value).collect();
    let batch = parse(&build(Compression::None, &values));
    let mut group = c.benchmark_group("walk");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("records", |b| {
        b.iter(|| {
            batch
                .records()
                .expect("plain")
                .map(|r| r.expect("whole").offset)
                .sum::<i64>()
        })
    });
    group.bench_function("views", |b| {
        let raw = batch.decompressed(1 << 30).expect("plain");
        b.iter(|| {
            batch
                .views(black_box(&raw))
                .map(|v| v.expect("whole").offset_delta)
                .sum::<i32>()
        })
    });
    group.finish();
}

fn codecs(c: &mut Criterion) {
    let values: Vec<_> = (0..RECORDS).map(value).collect();
    let raw_bytes = build(Compression::None, &values).len() as u64;
    let mut group = c.benchmark_group("codec");
    group.throughput(Throughput::Bytes(raw_bytes));
    for codec in Compression::ALL {
        group.bench_function(BenchmarkId::new("build", codec), |b| {
            b.iter(|| build(codec, black_box(&values)))
        });
        let batch = parse(&build(codec, &values));
        group.bench_function(BenchmarkId::new("read", codec), |b| {
            b.iter(|| {
                batch
                    .records()
                    .expect("decompresses")
                    .map(|r| r.expect("whole").offset)
                    .sum::<i64>()
            })
        });
    }
    group.finish();
}

criterion_group!(benches, checks, walks, codecs);
criterion_main!(benches);
