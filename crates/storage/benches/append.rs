//! The append path: checks, offsets, one write into the page cache; then with the sync that makes it durable, and
//! with many appends that share one. Run a quick one with `cargo bench -p storage -- --quick`.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use records::{BatchBuilder, Compression, decrement_sequence, set_producer};
use runtime::time::{Duration, Monotonic, WallMs};
use storage::{AppendOrigin, DataDir, DataDirOptions, Log, LogConfig, TopicPartition};

const VALUE_BYTES: usize = 100;

fn batch(records: usize, codec: Compression) -> Bytes {
    let now = WallMs::now().0;
    let mut builder = BatchBuilder::new(codec);
    for i in 0..records {
        let value: Vec<u8> = (0..VALUE_BYTES).map(|at| (i * 31 + at * at % 17) as u8).collect();
        builder
            .append(Some(&(i as u64).to_be_bytes()), Some(&value), &[], now)
            .expect("fits");
    }
    builder.build().expect("builds")
}

/// A log in a folder of its own, small enough in total that a run does not fill a disk.
async fn log(folder: &std::path::Path, name: &str) -> (DataDir, Log) {
    let data = DataDir::open(folder.join(name), DataDirOptions::default())
        .await
        .expect("a fresh folder");
    let config = LogConfig {
        segment_bytes: 64 << 20,
        retention_bytes: 256 << 20,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    };
    let partition = TopicPartition::new("bench", 0);
    let (log, _) = data
        .open_log(&partition, None, config, WallMs::now())
        .await
        .expect("opens");
    log.assign_epoch(0).await.expect("assigned");
    (data, log)
}

fn append(log: &Log, batch: &Bytes) {
    let info = log
        .append_as_leader(batch.clone(), 0, AppendOrigin::Client, WallMs::now())
        .expect("appended");
    black_box(info);
}

/// Keeps the disk from filling while criterion decides how often to append.
async fn keep_small(log: &Log) {
    if log.size_bytes() > 512 << 20 {
        log.apply_retention(WallMs::now(), log.log_end_offset())
            .await
            .expect("retained");
        log.purge_deleted().await;
    }
}

async fn timed<F: Future<Output = ()>>(rounds: u64, mut round: impl FnMut(u64) -> F) -> Duration {
    let started = Monotonic::now();
    for number in 0..rounds {
        round(number).await;
    }
    started.elapsed()
}

fn page_cache(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = c.benchmark_group("append");
    for (name, records, codec) in [
        ("1_record", 1, Compression::None),
        ("100_records", 100, Compression::None),
        ("100_records_lz4", 100, Compression::Lz4),
        ("5000_records", 5000, Compression::None),
    ] {
        let batch = batch(records, codec);
        group.throughput(Throughput::Bytes(batch.len() as u64));
        group.bench_function(BenchmarkId::new("page_cache", name), |b| {
            b.iter_custom(|rounds| {
                runtime::process::main(async {
                    let (_data, log) = log(folder.path(), &format!("{name}-{}", WallMs::now().0)).await;
                    timed(rounds, |_| async {
                        append(&log, &batch);
                        keep_small(&log).await;
                    })
                    .await
                })
            })
        });
    }
    group.finish();
}

fn idempotent(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let template = batch(100, Compression::None);
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Bytes(template.len() as u64));
    group.bench_function("idempotent/100_records", |b| {
        b.iter_custom(|rounds| {
            let mut sequence = 0;
            let mut batches = Vec::new();
            for _ in 0..rounds.min(2000) {
                let mut bytes = template.to_vec();
                set_producer(&mut bytes, 7, 0, sequence);
                sequence = decrement_sequence(sequence, -100);
                batches.push(Bytes::from(bytes));
            }
            runtime::process::main(async {
                let (_data, log) = log(folder.path(), &format!("i-{}-{rounds}", WallMs::now().0)).await;
                // Beyond the prepared batches the last ones are duplicates, which cost the same checks.
                timed(rounds, |number| {
                    let at = (number as usize).min(batches.len() - 1);
                    append(&log, &batches[at]);
                    std::future::ready(())
                })
                .await
            })
        })
    });
    group.finish();
}

fn durable(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let batch = batch(100, Compression::None);
    let mut group = c.benchmark_group("durable");
    for appends in [1, 16, 256] {
        group.throughput(Throughput::Elements(appends));
        group.bench_function(BenchmarkId::new("appends_per_sync", appends), |b| {
            b.iter_custom(|rounds| {
                runtime::process::main(async {
                    let (_data, log) = log(folder.path(), &format!("d-{appends}-{}", WallMs::now().0)).await;
                    timed(rounds, |_| async {
                        (0..appends).for_each(|_| append(&log, &batch));
                        log.sync().await.expect("synced");
                        keep_small(&log).await;
                    })
                    .await
                })
            })
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = page_cache, idempotent, durable
}
criterion_main!(benches);
