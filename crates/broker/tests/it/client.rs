//! A client of raw frames, and requests that tests make often.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use records::{BatchBuilder, Compression};
use runtime::io::{self, AsyncReadExt, AsyncWriteExt};
use runtime::net::{SocketAddr, TcpStream};
use runtime::time::{self, Duration};
use wire::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use wire::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use wire::header::{RequestHeader, ResponseHeader, response_header_version};
use wire::produce::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData};
use wire::{ErrorCode, Message, Request};

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    pub stream: TcpStream,
    next_correlation_id: i32,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(&address.to_string())
            .await
            .expect("the broker listens");
        Client {
            stream,
            next_correlation_id: 1,
        }
    }

    pub async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let id = self.send(version, request).await;
        self.receive::<R>(version, id).await
    }

    /// Sends, and gives the correlation id.
    pub async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let id = self.next_correlation_id;
        self.next_correlation_id += 1;
        let frame = frame(version, id, request);
        self.stream.write_all(&frame).await.expect("the broker reads");
        id
    }

    /// The next answer, which must be to `id` and leave nothing over.
    pub async fn receive<R: Request>(&mut self, version: i16, id: i32) -> R::Response {
        let mut bytes = self.receive_frame().await.expect("an answer");
        let header =
            ResponseHeader::decode(&mut bytes, response_header_version(R::KEY, version)).expect("a header");
        assert_eq!(header.correlation_id, id);
        R::Response::decode_exact(bytes, version).expect("a body of the version asked for")
    }

    pub async fn receive_frame(&mut self) -> io::Result<Bytes> {
        let read = async {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length).await?;
            let mut body = vec![0; (&length[..]).get_i32() as usize];
            self.stream.read_exact(&mut body).await?;
            Ok(Bytes::from(body))
        };
        time::timeout(PATIENCE, read)
            .await
            .expect("the broker answers or closes in time")
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the broker reads");
    }

    /// Waits for the end of the stream; an answer instead fails the test.
    pub async fn expect_closed(&mut self) {
        let mut byte = [0; 1];
        match time::timeout(PATIENCE, self.stream.read(&mut byte))
            .await
            .expect("the broker closes in time")
        {
            Ok(0) | Err(_) => {}
            Ok(_) => panic!("the broker answered where it should have closed"),
        }
    }

    pub async fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
            name: name.to_string(),
            value: Some(value.to_string()),
        });
        let topic = CreatableTopic {
            name: name.to_string(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            timeout_ms: 10_000,
            ..Default::default()
        };
        let response = self.call(7, &request).await;
        assert_eq!(
            response.topics[0].error_code, 0,
            "{:?}",
            response.topics[0].error_message
        );
    }

    pub async fn produce(&mut self, topic: &str, acks: i16, batch: Bytes) -> PartitionProduceResponse {
        let response = self.call(9, &produce(topic, 0, acks, Some(batch))).await;
        response.responses[0].partition_responses[0].clone()
    }

    /// Produces with acks=all, and gives the offset.
    pub async fn produce_ok(&mut self, topic: &str, value: &str) -> i64 {
        let answer = self.produce(topic, -1, batch(&[value])).await;
        assert_eq!(
            ErrorCode::from_code(answer.error_code),
            ErrorCode::None,
            "{:?}",
            answer.error_message
        );
        answer.base_offset
    }

    pub async fn fetch(&mut self, topic: &str, offset: i64, max_wait_ms: i32) -> FetchResponse {
        self.call(11, &fetch(topic, offset, max_wait_ms)).await
    }

    /// The values from `offset` on, of one fetch.
    pub async fn values(&mut self, topic: &str, offset: i64) -> Vec<String> {
        let response = self.fetch(topic, offset, 1000).await;
        values_of(&response, offset)
    }
}

pub fn frame<R: Request>(version: i16, correlation_id: i32, request: &R) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i32(0);
    let header = RequestHeader {
        request_api_key: R::KEY.code(),
        request_api_version: version,
        correlation_id,
        client_id: Some("test".into()),
    };
    header
        .encode(&mut bytes, R::header_version(version))
        .expect("a short client id");
    request
        .encode(&mut bytes, version)
        .expect("a request that its version can say");
    let length = bytes.len() as i32 - 4;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes.freeze()
}

pub fn batch(values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for value in values {
        builder
            .append(None, Some(value.as_bytes()), &[], runtime::time::WallMs::now().0)
            .expect("small");
    }
    builder.build().expect("not empty")
}

pub fn produce(topic: &str, partition: i32, acks: i16, records: Option<Bytes>) -> ProduceRequest {
    let partition_data = vec![PartitionProduceData {
        index: partition,
        records,
    }];
    let topic_data = vec![TopicProduceData {
        name: topic.to_string(),
        partition_data,
        ..Default::default()
    }];
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data,
        ..Default::default()
    }
}

pub fn fetch(topic: &str, offset: i64, max_wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition {
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: topic.to_string(),
        partitions: vec![partition],
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 24,
        topics: vec![topic],
        ..Default::default()
    }
}

pub fn values_of(response: &FetchResponse, from: i64) -> Vec<String> {
    let partition = &response.responses[0].partitions[0];
    assert_eq!(ErrorCode::from_code(partition.error_code), ErrorCode::None);
    let mut values = Vec::new();
    for batch in records::batches(partition.records.clone().unwrap_or_default()) {
        let batch = batch.expect("whole batches");
        batch.verify_crc().expect("good batches");
        for record in batch.records().expect("readable") {
            let record = record.expect("readable");
            if record.offset >= from {
                values.push(String::from_utf8(record.value.expect("a value").to_vec()).expect("text"));
            }
        }
    }
    values
}
