//! Faults of the network between clients and brokers.

use super::Strike;
use crate::app::plan::Link;
use crate::app::run::Bent;
use runtime::io::AsyncWriteExt;
use runtime::net::TcpStream;
use runtime::sim::NodeId;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Half-open connections that a vanished peer leaves behind.
const GHOST_CONNECTIONS: usize = 5;
/// The head of a frame of 64 bytes, of which no more will come.
const HALF_A_REQUEST: &[u8] = &[0, 0, 0, 64, 0, 18];

pub async fn partition(strike: Strike, link: Link, client: Option<u32>) -> Option<String> {
    let Strike {
        cluster,
        broker,
        length,
        ..
    } = strike;
    let (sim, broker) = (&cluster.sim, cluster.broker(broker));
    let clients: Vec<NodeId> = match client {
        Some(client) => vec![cluster.client(client)],
        None => cluster.clients().to_vec(),
    };
    let each = |act: &dyn Fn(NodeId, NodeId)| {
        for client in &clients {
            if link != Link::FromBroker {
                act(*client, broker);
            }
            if link != Link::ToBroker {
                act(broker, *client);
            }
        }
    };
    each(&|from, to| sim.block(from, to));
    sim.sleep(length).await;
    each(&|from, to| sim.unblock(from, to));
    Some(format!("{link:?} for {} clients", clients.len()))
}

pub async fn latency(strike: Strike, extra_us: u64) -> Option<String> {
    bend(
        &strike,
        |bent| bent.extra_us += extra_us,
        |bent| bent.extra_us = bent.extra_us.saturating_sub(extra_us),
    )
    .await;
    Some(format!("{extra_us} us more"))
}

pub async fn bandwidth(strike: Strike, bytes_per_second: u64) -> Option<String> {
    bend(
        &strike,
        |bent| bent.bytes_per_second = Some(bytes_per_second),
        |bent| bent.bytes_per_second = None,
    )
    .await;
    Some(format!("{bytes_per_second} bytes/s"))
}

pub async fn cut_streams(strike: Strike, per_mille: u64) -> Option<String> {
    bend(
        &strike,
        |bent| bent.cut_per_mille = Some(per_mille),
        |bent| bent.cut_per_mille = None,
    )
    .await;
    Some(format!("{per_mille} of 1000"))
}

pub async fn packet_loss(strike: Strike, per_mille: u64) -> Option<String> {
    bend(
        &strike,
        |bent| bent.loss_per_mille = Some(per_mille),
        |bent| bent.loss_per_mille = None,
    )
    .await;
    Some(format!("{per_mille} of 1000"))
}

pub async fn connect_timeout(strike: Strike) -> Option<String> {
    bend(
        &strike,
        |bent| bent.connects_hang = true,
        |bent| bent.connects_hang = false,
    )
    .await;
    Some(format!("for {} ms", strike.length.as_millis()))
}

async fn bend(strike: &Strike, begin: impl FnOnce(&mut Bent), end: impl FnOnce(&mut Bent)) {
    strike.cluster.bend_network(begin);
    strike.cluster.sim.sleep(strike.length).await;
    strike.cluster.bend_network(end);
}

pub async fn reset(strike: Strike) -> Option<String> {
    let cluster = &strike.cluster;
    let broker = cluster.broker(strike.broker);
    let reset: usize = cluster
        .clients()
        .iter()
        .map(|c| cluster.sim.reset_connections(*c, broker))
        .sum();
    Some(format!("{reset} connections"))
}

/// A machine connects, sends half a request on each connection, and loses power: the broker hears nothing more.
pub async fn silent_vanish(mut strike: Strike) -> Option<String> {
    let cluster = strike.cluster.clone();
    let number = cluster.sim.nodes().len() as u32;
    let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 2, number as u8));
    let address = cluster.address();
    let ghost = cluster
        .sim
        .add_node(&format!("ghost-{number}"), ip, move || haunt(address.clone()));
    cluster
        .sim
        .sleep(Duration::from_millis(strike.dice.between(1, 500)))
        .await;
    cluster.sim.power_loss(ghost);
    cluster.sim.sleep(strike.length).await;
    Some(format!("{GHOST_CONNECTIONS} connections"))
}

async fn haunt(address: String) {
    let mut held = Vec::new();
    for _ in 0..GHOST_CONNECTIONS {
        if let Ok(mut stream) = TcpStream::connect(&address).await {
            // Whether it arrives is of no matter: nobody will ever read an answer.
            stream.write_all(HALF_A_REQUEST).await.ok();
            held.push(stream);
        }
    }
    std::future::pending::<()>().await;
}
