//! How connections begin: names, ports, listeners, the three packets, refusals and time-outs.

use super::super::control::NodeId;
use super::connection::{Connection, EndState, Failure};
use super::fabric::{ConnectionId, Fabric, NetEvent};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Waker;

/// The first port that the kernel hands out by itself.
const EPHEMERAL_PORT_FIRST: u16 = 32_768;

/// A machine's place in the network.
pub struct Host {
    pub(super) name: String,
    pub(super) ip: IpAddr,
    pub(super) up: bool,
    pub(super) listeners: BTreeMap<u16, Listening>,
    pub(super) next_port: u16,
}

/// A port that is listened on.
#[derive(Default)]
pub struct Listening {
    pub(super) id: u64,
    pub(super) queue: VecDeque<ConnectionId>,
    pub(super) waker: Option<Waker>,
}

impl Host {
    pub fn new(name: String, ip: IpAddr) -> Host {
        Host {
            name,
            ip,
            up: true,
            listeners: BTreeMap::new(),
            next_port: EPHEMERAL_PORT_FIRST,
        }
    }
}

impl Fabric {
    // --- names and ports ---

    fn host_at(&self, ip: IpAddr) -> Option<NodeId> {
        self.hosts
            .iter()
            .position(|host| host.ip == ip)
            .map(|index| NodeId(index as u32))
    }

    /// What `host:port` means on this node.
    fn resolve(&self, node: NodeId, address: &str) -> io::Result<SocketAddr> {
        let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{address}: {why}"));
        let (name, port) = address
            .rsplit_once(':')
            .ok_or_else(|| bad("an address is host:port"))?;
        let port = port
            .parse()
            .map_err(|_| bad("the port is a number up to 65535"))?;
        let name = name.trim_start_matches('[').trim_end_matches(']');
        if name == "localhost" {
            return Ok(SocketAddr::new(self.hosts[node.index()].ip, port));
        }
        let ip = match name.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() => self.hosts[node.index()].ip,
            Ok(ip) => ip,
            Err(_) => self
                .hosts
                .iter()
                .find(|host| host.name == name)
                .map(|host| host.ip)
                .ok_or_else(|| bad("no such host"))?,
        };
        Ok(SocketAddr::new(ip, port))
    }

    fn free_port(&mut self, node: NodeId) -> u16 {
        let host = &mut self.hosts[node.index()];
        loop {
            let port = host.next_port;
            host.next_port = port.checked_add(1).unwrap_or(EPHEMERAL_PORT_FIRST);
            if !host.listeners.contains_key(&port) {
                return port;
            }
        }
    }

    // --- listening ---

    pub fn listen(&mut self, node: NodeId, address: &str) -> io::Result<(u64, SocketAddr)> {
        let mut address = self.resolve(node, address)?;
        let own = self.hosts[node.index()].ip;
        if !address.ip().is_unspecified() && address.ip() != own {
            let message = format!("{address}: not an address of this host, which has {own}");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message));
        }
        if address.port() == 0 {
            address.set_port(self.free_port(node));
        }
        let id = self.number();
        let host = &mut self.hosts[node.index()];
        if host.listeners.contains_key(&address.port()) {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                format!("{address}: the port is in use"),
            ));
        }
        host.listeners.insert(
            address.port(),
            Listening {
                id,
                ..Listening::default()
            },
        );
        Ok((id, address))
    }

    /// The next connection that is ready; else notes whom to wake.
    pub fn accept(
        &mut self,
        node: NodeId,
        port: u16,
        id: u64,
        waker: &Waker,
    ) -> Option<io::Result<(ConnectionId, SocketAddr)>> {
        let listening = self.hosts[node.index()]
            .listeners
            .get_mut(&port)
            .filter(|listening| listening.id == id);
        let Some(listening) = listening else {
            return Some(Err(io::ErrorKind::NotConnected.into()));
        };
        match listening.queue.pop_front() {
            Some(connection) => Some(Ok((connection, self.connections[&connection].ends[0].address))),
            None => {
                listening.waker = Some(waker.clone());
                None
            }
        }
    }

    pub fn close_listener(&mut self, node: NodeId, port: u16, id: u64) {
        let listeners = &mut self.hosts[node.index()].listeners;
        if listeners.get(&port).is_some_and(|listening| listening.id == id) {
            let listening = listeners.remove(&port).expect("just seen");
            for connection in listening.queue {
                self.refuse_late(connection);
            }
        }
    }

    // --- connecting ---

    pub fn connect(&mut self, node: NodeId, address: &str) -> io::Result<ConnectionId> {
        let peer = self.resolve(node, address)?;
        let local = SocketAddr::new(self.hosts[node.index()].ip, self.free_port(node));
        let server = self.host_at(peer.ip());
        let id = self.number();
        self.connections
            .insert(id, Connection::new(node, local, server, peer));
        self.statistics.connections += 1;
        let timeout = self.now() + super::super::time::nanos(self.config.connect_timeout);
        self.schedule(timeout, NetEvent::ConnectTimeout(id));
        self.send_syn(id, 0);
        Ok(id)
    }

    pub(super) fn send_syn(&mut self, id: ConnectionId, tries: u32) {
        let [client, server] = &self.connections[&id].ends;
        let (from, to) = (client.node, server.node);
        if let (Some(to), true) = (to, client.state == EndState::Connecting) {
            self.send(from.expect("clients are hosts"), to, NetEvent::Syn(id));
        }
        let again = self.now() + (1_000_000_000 << tries.min(5));
        self.schedule(again, NetEvent::SynAgain(id, tries + 1));
    }

    // --- the three packets ---

    pub(super) fn on_syn(&mut self, id: ConnectionId) {
        let Some((from, to)) = self.route(id, 0) else {
            return;
        };
        if !self.arrives(from, to) {
            return;
        }
        let server = &self.connections[&id].ends[1];
        if server.state == EndState::Connecting && server.gone {
            let backlog = self.config.backlog;
            let port = server.address.port();
            match self.hosts[to.index()].listeners.get(&port) {
                None => return self.send(to, from, NetEvent::Refusal(id)),
                Some(listening) if listening.queue.len() >= backlog => return,
                Some(listening) => {
                    let listener = listening.id;
                    let server = self.end(id, 1);
                    server.listener = listener;
                    server.gone = false;
                    server.held = true;
                    server.state = EndState::Open;
                }
            }
        }
        self.send(to, from, NetEvent::SynAck(id));
    }

    pub(super) fn on_syn_ack(&mut self, id: ConnectionId) {
        let Some((to, from)) = self.route(id, 0) else {
            return;
        };
        if !self.arrives(from, to) {
            return;
        }
        let client = self.end(id, 0);
        if client.gone {
            return self.send(to, from, NetEvent::Reset(id, 1));
        }
        if client.state == EndState::Connecting {
            client.state = EndState::Open;
            client.wake();
            self.send(to, from, NetEvent::Ack(id));
        }
    }

    pub(super) fn on_ack(&mut self, id: ConnectionId) {
        let Some((from, to)) = self.route(id, 0) else {
            return;
        };
        let server = &self.connections[&id].ends[1];
        let (port, listener) = (server.address.port(), server.listener);
        if server.gone || server.queued {
            return;
        }
        if !self.arrives(from, to) {
            // The client's kernel repeats it with its next segment, or when the server's asks.
            let again = self.now() + 1_000_000_000;
            return self.schedule(again, NetEvent::Ack(id));
        }
        self.end(id, 1).queued = true;
        let listening = self.hosts[to.index()]
            .listeners
            .get_mut(&port)
            .filter(|listening| listening.id == listener);
        match listening {
            Some(listening) => {
                listening.queue.push_back(id);
                if let Some(waker) = listening.waker.take() {
                    waker.wake();
                }
            }
            None => self.refuse_late(id),
        }
    }

    pub(super) fn on_refusal(&mut self, id: ConnectionId) {
        let Some((to, from)) = self.route(id, 0) else {
            return;
        };
        if self.arrives(from, to) && self.end(id, 0).state == EndState::Connecting {
            self.statistics.refused += 1;
            self.fail(id, 0, Failure::Refused);
        }
    }

    pub(super) fn on_connect_timeout(&mut self, id: ConnectionId) {
        let connecting = |connection: &Connection| connection.ends[0].state == EndState::Connecting;
        if self.connections.get(&id).is_some_and(connecting) {
            self.statistics.connect_timeouts += 1;
            self.forget_half_open(id);
            self.fail(id, 0, Failure::TimedOut);
        }
    }

    /// No program will ever take this connection from its listener.
    fn refuse_late(&mut self, id: ConnectionId) {
        self.end(id, 1).held = false;
        self.reset_from(id, 1);
    }

    /// The server's kernel gives up on a connection that its client never confirmed.
    pub(super) fn forget_half_open(&mut self, id: ConnectionId) {
        let server = self.end(id, 1);
        if !server.queued {
            server.gone = true;
            server.held = false;
        }
    }
}

/// What the unspecified address stands for when a listener tells its own.
pub fn reported(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port())
        }
        _ => address,
    }
}
