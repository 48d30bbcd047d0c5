//! Requests written by hand, byte by byte, for what no well-behaved client would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection on which frames go out and come back as they are.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    pub fn connect(port: u16) -> std::io::Result<Raw> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        Ok(Raw { stream })
    }

    pub fn local_port(&self) -> u16 {
        self.stream.local_addr().expect("it is connected").port()
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Adds the length, sends, and gives the answer without its length; an error when the peer hangs up.
    pub fn exchange(&mut self, frame: &[u8]) -> std::io::Result<Vec<u8>> {
        self.send_frame(frame)?;
        self.receive()
    }

    pub fn send_frame(&mut self, frame: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(frame.len()).expect("a small frame");
        self.send(&[&length.to_be_bytes()[..], frame].concat())
    }

    pub fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

/// Header version 1, with no client id.
pub fn header(api_key: i16, version: i16, correlation: i32) -> Vec<u8> {
    [
        &api_key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &correlation.to_be_bytes(),
        &(-1i16).to_be_bytes(),
    ]
    .concat()
}

/// Asks for ApiVersions v0, the one request that every Kafka answers.
pub fn api_versions(port: u16) -> std::io::Result<Vec<u8>> {
    Raw::connect(port)?.exchange(&header(18, 0, 1))
}

/// A Produce request with acks=all of one record for the topic's first partition, without the frame's length.
pub fn produce(topic: &str, value: &[u8]) -> Vec<u8> {
    let mut builder = records::BatchBuilder::new(records::Compression::None);
    builder
        .append(None, Some(value), &[], 1_700_000_000_000)
        .expect("it fits");
    let data = wire::produce::PartitionProduceData {
        index: 0,
        records: Some(builder.build().expect("it has a record")),
    };
    let data = wire::produce::TopicProduceData {
        name: topic.into(),
        partition_data: vec![data],
        ..Default::default()
    };
    let request = wire::produce::ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![data],
        ..Default::default()
    };
    wire::frame::request(&request, 9, 1, None).expect("it can be written")[4..].to_vec()
}
