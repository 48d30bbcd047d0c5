//! Requests by API: one row per API here, one file per API beside it.
//!
//! The table decides what is dispatched, what ApiVersions advertises and what is counted. A request for an API
//! or a version that is not in the table closes the connection, as Kafka does; ApiVersions alone answers a
//! version that it does not know.

mod alter_configs;
mod api_versions;
mod config_resource;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod describe_producers;
mod describe_topic_partitions;
mod fetch;
mod incremental_alter_configs;
mod init_producer_id;
mod list_offsets;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
mod topics;

use crate::listener::Phase;
use crate::metrics::Metrics;
use crate::node::{BoundListener, Node};
use crate::reply::{Outcome, Reply};
use bytes::Bytes;
use runtime::sync::watch;
use runtime::time::Monotonic;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use wire::header::{RequestHeader, ResponseHeader, response_header_version};
use wire::{ApiKey, Message, Request};

/// An answer that is not made yet counts as this much.
const LATER_BYTES: usize = 1024;

/// What ApiVersions says of an API.
pub struct Row {
    pub key: ApiKey,
    /// Served.
    pub versions: RangeInclusive<i16>,
    /// Advertised: reaches lower for Produce, since old librdkafka looks for it there (KAFKA-18659).
    pub version_min_advertised: i16,
}

macro_rules! apis {
    ($($stem:ident: $Request:ty),* $(,)?) => {
        /// Every API that is served, by its key.
        pub fn table() -> Vec<Row> {
            let mut rows = vec![$(row::<$Request>()),*];
            rows.sort_by_key(|row| row.key.code());
            rows
        }

        /// The versions of an API that are served; `None` for one that is not in the table.
        #[allow(unreachable_patterns, reason = "wire may know more APIs than are served")]
        fn served(key: ApiKey) -> Option<RangeInclusive<i16>> {
            match key {
                $(<$Request as Request>::KEY => key.served(),)*
                _ => None,
            }
        }

        #[allow(unreachable_patterns, reason = "wire may know more APIs than are served")]
        async fn handle(call: Call, header: RequestHeader, body: Bytes) -> Answer {
            let key = ApiKey::from_code(header.request_api_key);
            match key {
                $(Some(<$Request as Request>::KEY) => typed(call, header, body, $stem::handle).await,)*
                _ => Answer::Close(format!("API key {} is not served", header.request_api_key)),
            }
        }
    };
}

apis! {
    produce: wire::produce::ProduceRequest,
    fetch: wire::fetch::FetchRequest,
    list_offsets: wire::list_offsets::ListOffsetsRequest,
    metadata: wire::metadata::MetadataRequest,
    api_versions: wire::api_versions::ApiVersionsRequest,
    create_topics: wire::create_topics::CreateTopicsRequest,
    delete_topics: wire::delete_topics::DeleteTopicsRequest,
    delete_records: wire::delete_records::DeleteRecordsRequest,
    init_producer_id: wire::init_producer_id::InitProducerIdRequest,
    offset_for_leader_epoch: wire::offset_for_leader_epoch::OffsetForLeaderEpochRequest,
    describe_configs: wire::describe_configs::DescribeConfigsRequest,
    alter_configs: wire::alter_configs::AlterConfigsRequest,
    describe_log_dirs: wire::describe_log_dirs::DescribeLogDirsRequest,
    create_partitions: wire::create_partitions::CreatePartitionsRequest,
    incremental_alter_configs: wire::incremental_alter_configs::IncrementalAlterConfigsRequest,
    describe_cluster: wire::describe_cluster::DescribeClusterRequest,
    describe_producers: wire::describe_producers::DescribeProducersRequest,
    describe_topic_partitions: wire::describe_topic_partitions::DescribeTopicPartitionsRequest,
}

/// Where a connection came in.
#[derive(Clone)]
pub struct Origin {
    pub node: Arc<Node>,
    pub listener: Arc<BoundListener>,
}

/// One request's surroundings.
#[derive(Clone)]
pub struct Call {
    pub origin: Origin,
    pub peer: SocketAddr,
    pub phase: watch::Receiver<Phase>,
}

impl Call {
    pub fn node(&self) -> &Arc<Node> {
        &self.origin.node
    }

    pub fn listener(&self) -> &BoundListener {
        &self.origin.listener
    }

    /// Resolves when the node begins to stop: a long poll ends early.
    pub async fn stopping(&self) {
        // An error means that the node is gone, which is as good as stopping.
        let _ = self
            .phase
            .clone()
            .wait_for(|phase| *phase != Phase::Running)
            .await;
    }
}

/// The header's facts that handlers need.
#[derive(Clone, Debug)]
pub struct Head {
    pub version: i16,
    pub client_id: Option<String>,
}

/// What goes to the connection's writer.
pub enum Answer {
    Reply(Reply, Done),
    Later(Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>>, Done),
    Nothing,
    Close(String),
}

impl Answer {
    /// What it holds until it is sent, file ranges not counted.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Answer::Reply(reply, _) => reply.memory_bytes(),
            Answer::Later(..) => LATER_BYTES,
            Answer::Nothing | Answer::Close(_) => 0,
        }
    }
}

/// Counts the answer when it has been sent.
pub struct Done {
    metrics: Arc<Metrics>,
    key: ApiKey,
}

impl Done {
    pub fn sent(self, received: Monotonic) {
        if let Some(counters) = self.metrics.api(self.key) {
            counters.total_time.record(received.elapsed().as_micros() as u64);
        }
    }
}

/// Handles one frame.
pub async fn dispatch(call: Call, frame: Bytes) -> Answer {
    let (key, version) = match api_of(&frame) {
        Ok(api) => api,
        Err(reason) => return Answer::Close(reason),
    };
    let mut body = frame;
    let header = match RequestHeader::decode(&mut body) {
        Ok(header) => header,
        Err(error) => {
            return Answer::Close(format!(
                "cannot read the header of {} v{version}: {error}",
                key.name()
            ));
        }
    };
    let metrics = call.node().metrics.clone();
    if let Some(counters) = metrics.api(key) {
        counters.count_request(version);
    }
    if !served(key).is_some_and(|versions| versions.contains(&version)) {
        if key == ApiKey::ApiVersions {
            return encoded(call, &header, key, 0, api_versions::unsupported_version());
        }
        return Answer::Close(format!("{} v{version} is not served", key.name()));
    }
    let started = Monotonic::now();
    let answer = handle(call, header, body).await;
    if let Some(counters) = metrics.api(key) {
        counters.local_time.record(started.elapsed().as_micros() as u64);
        if matches!(answer, Answer::Close(_)) {
            counters.errors.add(1);
        }
    }
    answer
}

/// The first four bytes of every request.
fn api_of(frame: &[u8]) -> Result<(ApiKey, i16), String> {
    let Some(&[k0, k1, v0, v1]) = frame.first_chunk::<4>() else {
        return Err(format!("a request of {} bytes has no header", frame.len()));
    };
    let (code, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    let key = ApiKey::from_code(code)
        .ok_or_else(|| format!("API key {code} is unknown: the peer may not speak Kafka's protocol"))?;
    Ok((key, version))
}

fn row<R: Request>() -> Row {
    let served = R::KEY
        .served()
        .expect("an API in the table has versions that are served");
    let advertised = R::KEY.advertised().expect("what is served is advertised");
    Row {
        key: R::KEY,
        version_min_advertised: *advertised.start(),
        versions: served,
    }
}

/// Decodes the request, runs its handler, encodes what the handler says.
async fn typed<R, H, F, O>(call: Call, header: RequestHeader, mut body: Bytes, handler: H) -> Answer
where
    R: Request,
    R::Response: Send + 'static,
    H: FnOnce(Call, Head, R) -> F,
    F: Future<Output = O>,
    O: Into<Outcome<R::Response>>,
{
    let version = header.request_api_version;
    let request = match R::decode(&mut body, version) {
        Ok(request) => request,
        Err(error) => return Answer::Close(format!("cannot read {} v{version}: {error}", R::KEY.name())),
    };
    drop(body);
    let head = Head {
        version,
        client_id: header.client_id.clone(),
    };
    let done = Done {
        metrics: call.node().metrics.clone(),
        key: R::KEY,
    };
    let outcome = handler(call.clone(), head, request).await.into();
    let (response_header, header_version) = response_header(&header, R::KEY, version);
    match outcome {
        Outcome::Reply(response) => encoded(call, &header, R::KEY, version, response),
        Outcome::Pieces(pieces) => {
            Answer::Reply(Reply::from_pieces(&response_header, header_version, pieces), done)
        }
        Outcome::Later(response) => {
            let reply = async move {
                let response = response.await;
                Reply::encode(&response_header, header_version, &response, version)
                    .map_err(|error| cannot_encode(R::KEY, version, error))
            };
            Answer::Later(Box::pin(reply), done)
        }
        Outcome::Nothing => Answer::Nothing,
        Outcome::Close(reason) => Answer::Close(reason),
    }
}

fn encoded<R: Message>(call: Call, header: &RequestHeader, key: ApiKey, version: i16, response: R) -> Answer {
    let (response_header, header_version) = response_header(header, key, version);
    match Reply::encode(&response_header, header_version, &response, version) {
        Ok(reply) => Answer::Reply(
            reply,
            Done {
                metrics: call.node().metrics.clone(),
                key,
            },
        ),
        Err(error) => Answer::Close(cannot_encode(key, version, error)),
    }
}

fn response_header(header: &RequestHeader, key: ApiKey, version: i16) -> (ResponseHeader, i16) {
    (
        ResponseHeader {
            correlation_id: header.correlation_id,
        },
        response_header_version(key, version),
    )
}

fn cannot_encode(key: ApiKey, version: i16, error: wire::EncodeError) -> String {
    format!("cannot write the answer of {} v{version}: {error}", key.name())
}
