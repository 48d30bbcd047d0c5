//! Writes records as fast as acknowledgements allow, reads them back, and prints both rates:
//! `cargo run --release -p client --example load -- 127.0.0.1:9092 1000000 100` (bootstrap, records, bytes of each).

use client::{
    Admin, AutoOffsetReset, ClientConfig, Consumer, ConsumerConfig, Error, NewTopic, Producer,
    ProducerConfig, ProducerRecord, TopicPartition,
};
use runtime::time::{Duration, Monotonic, WallMs};

const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let bootstrap = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".into());
    let mut number = |default: usize| {
        arguments.next().map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| Error::Invalid(format!("{text}: no number")))
        })
    };
    let (count, bytes) = (number(1_000_000)?, number(100)?);
    runtime::process::main(load(&bootstrap, count, bytes))
}

async fn load(bootstrap: &str, count: usize, bytes: usize) -> Result<(), Error> {
    let topic = format!("load-{}", WallMs::now().0);
    Admin::new(ClientConfig::new(bootstrap))?
        .create_topic(NewTopic::new(topic.clone(), PARTITIONS))
        .await?;
    let started = Monotonic::now();
    write(bootstrap, &topic, count, bytes).await?;
    print("written", count, bytes, started);
    let started = Monotonic::now();
    read(bootstrap, &topic, count).await?;
    print("read", count, bytes, started);
    Ok(())
}

fn print(what: &str, count: usize, bytes: usize, started: Monotonic) {
    let seconds = started.elapsed().as_secs_f64();
    let (records, megabytes) = (count as f64 / seconds, (count * bytes) as f64 / seconds / 1e6);
    println!("{what}: {records:.0} records/s, {megabytes:.1} MB/s, {seconds:.2} s");
}

async fn write(bootstrap: &str, topic: &str, count: usize, bytes: usize) -> Result<(), Error> {
    let producer = Producer::new(ProducerConfig {
        batch_size: 64 << 10,
        ..ProducerConfig::new(bootstrap)
    })?;
    let value = bytes::Bytes::from(vec![b'x'; bytes]);
    let mut last = None;
    for _ in 0..count {
        last = Some(
            producer
                .send(ProducerRecord::new(topic).value(value.clone()))
                .await?,
        );
    }
    producer.flush().await;
    if let Some(last) = last {
        last.await?;
    }
    producer.close(PATIENCE).await
}

async fn read(bootstrap: &str, topic: &str, count: usize) -> Result<(), Error> {
    let mut consumer = Consumer::new(ConsumerConfig {
        auto_offset_reset: AutoOffsetReset::Earliest,
        max_poll_records: 10_000,
        ..ConsumerConfig::new(bootstrap)
    })?;
    consumer.assign((0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)));
    let (mut seen, started) = (0, Monotonic::now());
    while seen < count {
        seen += consumer.poll(Duration::from_secs(1)).await?.len();
        if started.elapsed() > PATIENCE {
            return Err(Error::Invalid(format!(
                "only {seen} of {count} records came back"
            )));
        }
    }
    Ok(())
}
