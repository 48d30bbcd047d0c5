//! DescribeCluster (key 60, v0–2; KIP-700): the brokers.
//!
//! - v1 (KIP-919): endpoint_type; only brokers (1) are told on this listener: controllers (2) answer
//!   MISMATCHED_ENDPOINT_TYPE, others UNSUPPORTED_ENDPOINT_TYPE. v2 (KIP-1073): fenced brokers, where asked for.

use super::{Call, Head};
use crate::cluster_view::{self, CLUSTER_OPERATIONS};
use wire::ErrorCode;
use wire::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub async fn handle(call: Call, _head: Head, request: DescribeClusterRequest) -> DescribeClusterResponse {
    if request.endpoint_type != BROKERS {
        let (error, message) = if request.endpoint_type == CONTROLLERS {
            (
                ErrorCode::MismatchedEndpointType,
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
            )
        } else {
            (ErrorCode::UnsupportedEndpointType, "Unsupported endpoint type")
        };
        return DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(format!("{message} ({})", request.endpoint_type)),
            endpoint_type: request.endpoint_type,
            ..Default::default()
        };
    }
    let image = call.node().image();
    let listener = &call.listener().name;
    let told = image
        .brokers()
        .values()
        .filter(|broker| !broker.fenced || request.include_fenced_brokers);
    let brokers: Vec<DescribeClusterBroker> = told
        .filter_map(|broker| {
            let endpoint = cluster_view::endpoint(&image, broker.id, listener)?;
            Some(DescribeClusterBroker {
                broker_id: endpoint.id,
                host: endpoint.host,
                port: endpoint.port,
                rack: endpoint.rack,
                is_fenced: broker.fenced,
            })
        })
        .collect();
    let alive = brokers.iter().find(|broker| !broker.is_fenced);
    DescribeClusterResponse {
        error_code: ErrorCode::None.code(),
        endpoint_type: BROKERS,
        cluster_id: call.node().cluster_id().to_string(),
        controller_id: alive.map_or(-1, |broker| broker.broker_id),
        brokers,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            CLUSTER_OPERATIONS
        } else {
            i32::MIN
        },
        ..Default::default()
    }
}
