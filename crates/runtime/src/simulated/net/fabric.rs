//! The network between the hosts: links, and the kernels' side of every connection.
//!
//! ```text
//!   connect ── SYN ──> SYN-ACK ── ACK ──> accept queue          (lost ones are sent again, until the time-out)
//!   write ──> send buffer ── segments, cut anywhere ──> receive buffer ──> read
//!   drop or exit: FIN after what is buffered, or RST when something was left unread; data to a closed end: RST
//!   power loss: silence; whoever sends to the machine hears RST once it runs again
//!   partition: segments vanish; the sender tries again, waits longer each time, gives up after the time-out
//! ```
//!
//! Invariants:
//! 1. Nothing in here draws from madsim: the same calls at the same times make the same network.
//! 2. An end that is `gone` never acts again; a connection whose ends are both gone is removed.

use super::super::clock::Nanos;
use super::super::control::NodeId;
use super::super::dice::Dice;
use super::super::universe::World;
use super::connection::{Connection, End, EndState, Failure};
use super::handshake::Host;
use super::links::Links;
use super::pipe::Segment;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Weak;
use std::task::Waker;
use std::time::Duration;

/// A connection's number in its run.
pub type ConnectionId = u64;

/// What a packet without data takes of the bandwidth.
const PACKET_BYTES: u64 = 64;

/// How all connections behave.
#[derive(Clone, Debug)]
pub struct NetConfig {
    pub send_buffer_bytes: u64,
    pub receive_buffer_bytes: u64,
    /// How often a segment, an accepted write, or a read is cut at a random place.
    pub cut: f64,
    /// A connect gives up after this time.
    pub connect_timeout: Duration,
    /// A connection breaks when the peer has acknowledged nothing for this time.
    pub retransmission_timeout: Duration,
    /// Connections that may wait to be accepted; more are not answered.
    pub backlog: usize,
}

impl Default for NetConfig {
    fn default() -> Self {
        NetConfig {
            send_buffer_bytes: 256 * 1024,
            receive_buffer_bytes: 256 * 1024,
            cut: 0.1,
            connect_timeout: Duration::from_secs(10),
            retransmission_timeout: Duration::from_secs(20),
            backlog: 128,
        }
    }
}

/// What the network did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetStatistics {
    pub connections: u64,
    pub segments: u64,
    pub bytes: u64,
    /// Packets that a partition, a loss or a dead host swallowed.
    pub swallowed: u64,
    pub resets: u64,
    pub refused: u64,
    pub connect_timeouts: u64,
    pub retransmission_timeouts: u64,
}

/// What happens on the network at some time.
#[derive(Debug)]
pub enum NetEvent {
    Syn(ConnectionId),
    /// The client sends its SYN again, after this many tries.
    SynAgain(ConnectionId, u32),
    SynAck(ConnectionId),
    Ack(ConnectionId),
    Refusal(ConnectionId),
    ConnectTimeout(ConnectionId),
    /// From this end to the other.
    Arrival(ConnectionId, usize, Segment),
    Retransmit(ConnectionId, usize, u32),
    /// To this end.
    Reset(ConnectionId, usize),
}

/// The whole network.
pub struct Fabric {
    world: Weak<World>,
    pub config: NetConfig,
    pub links: Links,
    pub(super) hosts: Vec<Host>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    next: u64,
    pub(super) cuts: Dice,
    pub statistics: NetStatistics,
}

impl Fabric {
    pub fn new(seed: u64, world: Weak<World>) -> Fabric {
        Fabric {
            world,
            config: NetConfig::default(),
            links: Links::new(seed),
            hosts: Vec::new(),
            connections: BTreeMap::new(),
            next: 0,
            cuts: Dice::new(seed, "net.cuts", 0),
            statistics: NetStatistics::default(),
        }
    }

    pub fn add_host(&mut self, node: NodeId, name: String, ip: IpAddr) {
        assert_eq!(
            node.index(),
            self.hosts.len(),
            "hosts are added in the order of their nodes"
        );
        assert!(
            self.hosts.iter().all(|host| host.ip != ip && host.name != name),
            "{name} or {ip} is taken"
        );
        self.hosts.push(Host::new(name, ip));
    }

    pub(super) fn now(&self) -> Nanos {
        self.world.upgrade().map_or(0, |world| world.now())
    }

    pub(super) fn schedule(&self, due: Nanos, event: NetEvent) {
        if let Some(world) = self.world.upgrade() {
            world.schedule.lock().at(due, event);
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    // --- links ---

    /// Whether what one host sends can reach the other at all now.
    pub(super) fn is_open(&self, from: NodeId, to: NodeId) -> bool {
        !self.links.is_blocked(from, to) && self.hosts[to.index()].up
    }

    /// Whether a packet that is due on this link now arrives.
    pub(super) fn arrives(&mut self, from: NodeId, to: NodeId) -> bool {
        let arrives = self.is_open(from, to) && !self.links.loses(from, to);
        self.statistics.swallowed += u64::from(!arrives);
        arrives
    }

    pub(super) fn send(&mut self, from: NodeId, to: NodeId, event: NetEvent) {
        let now = self.now();
        let due = self.links.arrival_time(now, from, to, PACKET_BYTES);
        self.schedule(due, event);
    }

    // --- what happens ---

    pub fn on_event(&mut self, event: NetEvent) {
        match event {
            NetEvent::Syn(id) => self.on_syn(id),
            NetEvent::SynAgain(id, tries) => {
                let connecting = |connection: &Connection| connection.ends[0].state == EndState::Connecting;
                if self.connections.get(&id).is_some_and(connecting) {
                    self.send_syn(id, tries);
                }
            }
            NetEvent::SynAck(id) => self.on_syn_ack(id),
            NetEvent::Ack(id) => self.on_ack(id),
            NetEvent::Refusal(id) => self.on_refusal(id),
            NetEvent::ConnectTimeout(id) => self.on_connect_timeout(id),
            NetEvent::Arrival(id, from, segment) => self.on_arrival(id, from, segment),
            NetEvent::Retransmit(id, from, timer) => self.on_retransmit(id, from, timer),
            NetEvent::Reset(id, to) => self.on_reset(id, to),
        }
    }

    /// The nodes of a connection's ends, from this end to the other; none when the connection or a host is not there.
    pub(super) fn route(&self, id: ConnectionId, from: usize) -> Option<(NodeId, NodeId)> {
        let connection = self.connections.get(&id)?;
        Some((connection.ends[from].node?, connection.ends[1 - from].node?))
    }

    pub(super) fn end(&mut self, id: ConnectionId, end: usize) -> &mut End {
        &mut self.connections.get_mut(&id).expect("callers looked it up").ends[end]
    }

    /// Puts what may be sent from this end on the link.
    pub(super) fn transmit(&mut self, id: ConnectionId, from: usize) {
        let Some((sender, receiver)) = self.route(id, from) else {
            return;
        };
        let (window, cut) = (self.config.receive_buffer_bytes, self.config.cut);
        loop {
            let connection = self.connections.get_mut(&id).expect("routed");
            if connection.ends[from].state != EndState::Open || connection.ends[from].gone {
                return;
            }
            let pipe = &mut connection.pipes[from];
            if pipe.is_waiting_for_timer() {
                return;
            }
            let Some(segment) = pipe.take_segment(window, cut, &mut self.cuts) else {
                return;
            };
            let now = self.now();
            let due = self.links.arrival_time(now, sender, receiver, segment.len());
            let due = self.connections.get_mut(&id).expect("routed").pipes[from].arrival(due);
            self.statistics.segments += 1;
            self.schedule(due, NetEvent::Arrival(id, from, segment));
        }
    }

    fn on_arrival(&mut self, id: ConnectionId, from: usize, segment: Segment) {
        let Some((sender, receiver)) = self.route(id, from) else {
            return;
        };
        if !self.connections[&id].pipes[from].expects(segment) {
            return;
        }
        if !self.arrives(sender, receiver) {
            return self.stall(id, from);
        }
        let connection = self.connections.get_mut(&id).expect("routed");
        let pipe = &mut connection.pipes[from];
        let end = &mut connection.ends[1 - from];
        let has_data = pipe.carries_data(segment);
        if end.gone || !end.held && has_data {
            if has_data {
                // Nobody is there to take it: the kernel says so.
                self.send(receiver, sender, NetEvent::Reset(id, from));
                return self.stall(id, from);
            }
            pipe.deliver(segment);
        } else {
            pipe.deliver(segment);
            self.statistics.bytes += segment.len();
            end.wake_reader();
        }
        if self.is_open(receiver, sender) {
            self.on_acknowledged(id, from);
        } else {
            self.stall(id, from);
        }
    }

    fn on_acknowledged(&mut self, id: ConnectionId, from: usize) {
        let connection = self.connections.get_mut(&id).expect("routed");
        let was_waiting = connection.pipes[from].is_waiting_for_timer();
        connection.pipes[from].acknowledge();
        connection.ends[from].wake_writer();
        let orphan = !connection.ends[from].held && connection.pipes[from].is_done();
        if orphan {
            connection.ends[from].gone = true;
            self.remove_if_over(id);
        } else if was_waiting {
            self.transmit(id, from);
        }
    }

    /// Segments of this end were swallowed, or their acknowledgement was.
    fn stall(&mut self, id: ConnectionId, from: usize) {
        let now = self.now();
        let pipe = &mut self.connections.get_mut(&id).expect("routed").pipes[from];
        if let Some((wait, timer)) = pipe.stall(now) {
            self.schedule(now + wait, NetEvent::Retransmit(id, from, timer));
        }
    }

    fn on_retransmit(&mut self, id: ConnectionId, from: usize, timer: u32) {
        let Some((sender, receiver)) = self.route(id, from) else {
            return;
        };
        let now = self.now();
        let limit = super::super::time::nanos(self.config.retransmission_timeout);
        let connection = self.connections.get_mut(&id).expect("routed");
        let Some(since) = connection.pipes[from].ring(timer) else {
            return;
        };
        let end = &connection.ends[from];
        if end.gone || end.state != EndState::Open {
            return;
        }
        if now - since >= limit {
            self.statistics.retransmission_timeouts += 1;
            return self.fail(id, from, Failure::TimedOut);
        }
        let both_ways = self.is_open(sender, receiver) && self.is_open(receiver, sender);
        let connection = self.connections.get_mut(&id).expect("routed");
        connection.pipes[from].rewind();
        if both_ways && connection.pipes[from].has_unacknowledged() {
            if connection.ends[1 - from].gone {
                // The peer had it and is no more; its kernel knows nothing of the connection.
                return self.send(receiver, sender, NetEvent::Reset(id, from));
            }
            // What had arrived long ago is acknowledged at last.
            self.on_acknowledged(id, from);
        }
        if self.connections.contains_key(&id) {
            self.transmit(id, from);
            if !both_ways {
                self.stall(id, from);
            }
        }
    }

    fn on_reset(&mut self, id: ConnectionId, to: usize) {
        let Some((from, receiver)) = self.route(id, 1 - to) else {
            return;
        };
        if self.arrives(from, receiver) && !self.end(id, to).gone {
            self.statistics.resets += 1;
            self.fail(id, to, Failure::Reset);
        }
    }

    // --- endings ---

    /// This end breaks: its program learns it at the next read or write, and nothing more leaves it.
    pub(super) fn fail(&mut self, id: ConnectionId, end: usize, failure: Failure) {
        let connection = self.connections.get_mut(&id).expect("callers looked it up");
        connection.pipes[end].abandon();
        let nobody_has_it = end == 1 && !connection.ends[1].queued;
        let end = &mut connection.ends[end];
        end.state = EndState::Failed(failure);
        end.gone = true;
        end.held &= !nobody_has_it;
        end.wake();
        self.remove_if_over(id);
    }

    /// This end's kernel breaks the connection and tells the peer.
    pub(super) fn reset_from(&mut self, id: ConnectionId, from: usize) {
        let Some((sender, receiver)) = self.route(id, from) else {
            return;
        };
        if !self.connections[&id].ends[from].gone {
            self.fail(id, from, Failure::Reset);
            self.send(sender, receiver, NetEvent::Reset(id, 1 - from));
        }
    }

    /// The program lets go of this end: FIN after what is buffered, or RST when it left something unread.
    pub fn close(&mut self, id: ConnectionId, end: usize) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if !std::mem::take(&mut connection.ends[end].held) {
            return;
        }
        connection.ends[end].forget_wakers();
        match connection.ends[end].state {
            _ if connection.ends[end].gone => {}
            EndState::Connecting => {
                connection.ends[end].gone = true;
                self.forget_half_open(id);
            }
            _ if !connection.pipes[1 - end].readable().is_empty() => return self.reset_from(id, end),
            _ => {
                connection.pipes[end].finish();
                // An end that said FIN before and was heard has nothing left to do.
                connection.ends[end].gone = connection.pipes[end].is_done();
                self.transmit(id, end);
            }
        }
        self.remove_if_over(id);
    }

    /// Forgets a connection of which neither kernel nor program knows anything any more.
    fn remove_if_over(&mut self, id: ConnectionId) {
        let over = |connection: &Connection| connection.ends.iter().all(|end| end.gone && !end.held);
        if self.connections.get(&id).is_some_and(over) {
            self.connections.remove(&id);
        }
    }

    fn ends_of(&self, node: NodeId) -> Vec<(ConnectionId, usize)> {
        let ends = |(id, connection): (&ConnectionId, &Connection)| {
            let of = |end: usize| (connection.ends[end].node == Some(node)).then_some((*id, end));
            [of(0), of(1)]
        };
        self.connections.iter().flat_map(ends).flatten().collect()
    }

    /// The node's process ends: its kernel closes what it held.
    pub fn end_process(&mut self, node: NodeId) {
        let ports: Vec<_> = self.hosts[node.index()]
            .listeners
            .iter()
            .map(|(port, listening)| (*port, listening.id))
            .collect();
        for (port, id) in ports {
            self.close_listener(node, port, id);
        }
        for (id, end) in self.ends_of(node) {
            self.close(id, end);
        }
    }

    /// The node's machine goes dark: nobody is told.
    pub fn lose_power(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.index()];
        host.up = false;
        host.listeners.clear();
        for (id, end) in self.ends_of(node) {
            let connection = self.connections.get_mut(&id).expect("just listed");
            connection.pipes[end].abandon();
            let end = &mut connection.ends[end];
            end.gone = true;
            end.held = false;
            end.forget_wakers();
            self.remove_if_over(id);
        }
    }

    /// Connections of which a kernel or a program still knows.
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    pub fn power_up(&mut self, node: NodeId) {
        self.hosts[node.index()].up = true;
    }

    /// Breaks every connection between two nodes, as a middlebox does that forgets them.
    pub fn reset_between(&mut self, one: NodeId, other: NodeId) -> usize {
        let between = |connection: &Connection| {
            let nodes = [connection.ends[0].node, connection.ends[1].node];
            nodes == [Some(one), Some(other)] || nodes == [Some(other), Some(one)]
        };
        let open = |connection: &Connection| {
            connection
                .ends
                .iter()
                .any(|end| !end.gone && end.state == EndState::Open)
        };
        let matching = self
            .connections
            .iter()
            .filter(|(_, connection)| between(connection) && open(connection));
        let ids: Vec<_> = matching.map(|(id, _)| *id).collect();
        for id in &ids {
            for end in 0..2 {
                if self
                    .connections
                    .get(id)
                    .is_some_and(|connection| !connection.ends[end].gone)
                {
                    self.statistics.resets += 1;
                    self.fail(*id, end, Failure::Reset);
                }
            }
        }
        ids.len()
    }

    pub fn take_wakers(&mut self) -> Vec<Waker> {
        let listeners = self.hosts.iter_mut().flat_map(|host| host.listeners.values_mut());
        let mut wakers: Vec<_> = listeners.filter_map(|listening| listening.waker.take()).collect();
        wakers.extend(self.connections.values_mut().flat_map(Connection::take_wakers));
        wakers
    }
}
