//! The links between hosts: latency, bandwidth, loss, partitions; each direction on its own.

use super::super::clock::Nanos;
use super::super::control::NodeId;
use super::super::dice::Dice;
use super::super::time::nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What crosses a link takes this long inside one host.
const LOOPBACK: Duration = Duration::from_micros(20);

/// How one direction between two hosts behaves.
#[derive(Clone, Debug)]
pub struct Link {
    /// Least and most time of a packet, apart from its bytes.
    pub latency: (Duration, Duration),
    /// Shared by all connections on the link; 0 for no limit.
    pub bytes_per_second: u64,
    /// How often a packet is lost, and sent again later.
    pub loss: f64,
}

impl Default for Link {
    fn default() -> Self {
        Link {
            latency: (Duration::from_micros(100), Duration::from_millis(1)),
            bytes_per_second: 0,
            loss: 0.0,
        }
    }
}

/// All links. A host's link to itself has no faults.
pub struct Links {
    pub default: Link,
    own: BTreeMap<(NodeId, NodeId), Link>,
    blocked: BTreeSet<(NodeId, NodeId)>,
    /// Until when each link is busy with bytes that were sent before.
    busy: BTreeMap<(NodeId, NodeId), Nanos>,
    latency: Dice,
    loss: Dice,
}

impl Links {
    pub fn new(seed: u64) -> Links {
        Links {
            default: Link::default(),
            own: BTreeMap::new(),
            blocked: BTreeSet::new(),
            busy: BTreeMap::new(),
            latency: Dice::new(seed, "net.latency", 0),
            loss: Dice::new(seed, "net.loss", 0),
        }
    }

    /// Sets how a link behaves; none lets it follow the default.
    pub fn set(&mut self, from: NodeId, to: NodeId, link: Option<Link>) {
        match link {
            Some(link) => self.own.insert((from, to), link),
            None => self.own.remove(&(from, to)),
        };
    }

    fn get(&self, from: NodeId, to: NodeId) -> &Link {
        self.own.get(&(from, to)).unwrap_or(&self.default)
    }

    pub fn set_blocked(&mut self, from: NodeId, to: NodeId, blocked: bool) {
        if blocked {
            self.blocked.insert((from, to));
        } else {
            self.blocked.remove(&(from, to));
        }
    }

    pub fn unblock_all(&mut self) {
        self.blocked.clear();
    }

    pub fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        from != to && self.blocked.contains(&(from, to))
    }

    /// Whether the dice lose a packet on this link.
    pub fn loses(&mut self, from: NodeId, to: NodeId) -> bool {
        let loss = self.get(from, to).loss;
        from != to && self.loss.chance(loss)
    }

    /// When a packet of this size that is sent now would arrive.
    pub fn arrival_time(&mut self, now: Nanos, from: NodeId, to: NodeId, bytes: u64) -> Nanos {
        if from == to {
            return now + nanos(LOOPBACK);
        }
        let Link {
            latency: (low, high),
            bytes_per_second,
            ..
        } = *self.get(from, to);
        let busy = self.busy.entry((from, to)).or_default();
        if bytes_per_second > 0 {
            *busy =
                now.max(*busy) + (u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second)) as u64;
        }
        now.max(*busy) + nanos(self.latency.duration(low, high))
    }
}
