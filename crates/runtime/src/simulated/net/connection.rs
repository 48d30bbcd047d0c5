//! A connection: two ends, as their kernels know them, and a pipe from each to the other.

use super::super::control::NodeId;
use super::fabric::{ConnectionId, Fabric};
use super::pipe::Pipe;
use std::io;
use std::net::SocketAddr;
use std::task::{Poll, Waker};

/// End 0 is the client's; pipe `i` leads from end `i` to the other.
pub struct Connection {
    pub ends: [End; 2],
    pub pipes: [Pipe; 2],
}

/// One end of a connection.
///
/// Invariant: `gone` ends hold no wakers that still wait for something, unless the program has yet to see the failure.
pub struct End {
    /// None when no host has the address.
    pub node: Option<NodeId>,
    pub address: SocketAddr,
    pub state: EndState,
    /// A program (or the accept queue) holds it.
    pub held: bool,
    /// The kernel knows it no more.
    pub gone: bool,
    /// The listener that it came through, and whether it reached the accept queue.
    pub listener: u64,
    pub queued: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndState {
    Connecting,
    Open,
    Failed(Failure),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    Refused,
    TimedOut,
    Reset,
}

impl Failure {
    fn error(self) -> io::Error {
        match self {
            Failure::Refused => io::ErrorKind::ConnectionRefused.into(),
            Failure::TimedOut => io::ErrorKind::TimedOut.into(),
            Failure::Reset => io::ErrorKind::ConnectionReset.into(),
        }
    }
}

impl Connection {
    pub fn new(client: NodeId, local: SocketAddr, server: Option<NodeId>, peer: SocketAddr) -> Connection {
        let end = |node, address, here| End {
            node,
            address,
            state: EndState::Connecting,
            held: here,
            gone: !here,
            listener: 0,
            queued: false,
            reader: None,
            writer: None,
        };
        Connection {
            ends: [end(Some(client), local, true), end(server, peer, false)],
            pipes: Default::default(),
        }
    }

    pub fn take_wakers(&mut self) -> Vec<Waker> {
        self.ends
            .iter_mut()
            .flat_map(|end| [end.reader.take(), end.writer.take()])
            .flatten()
            .collect()
    }
}

impl End {
    pub fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    pub fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    pub fn wake(&mut self) {
        self.wake_reader();
        self.wake_writer();
    }

    pub fn forget_wakers(&mut self) {
        (self.reader, self.writer) = (None, None);
    }
}

/// What a program does with its end.
impl Fabric {
    fn held(&mut self, id: ConnectionId, end: usize) -> io::Result<&mut Connection> {
        let held = self
            .connections
            .get_mut(&id)
            .filter(|connection| connection.ends[end].held);
        held.ok_or_else(|| io::Error::other("the process that opened this connection has ended"))
    }

    pub fn poll_connected(&mut self, id: ConnectionId, waker: &Waker) -> Poll<io::Result<()>> {
        let end = match self.held(id, 0) {
            Ok(connection) => &mut connection.ends[0],
            Err(error) => return Poll::Ready(Err(error)),
        };
        match end.state {
            EndState::Open => Poll::Ready(Ok(())),
            EndState::Failed(failure) => Poll::Ready(Err(failure.error())),
            EndState::Connecting => {
                end.writer = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Reads what has arrived, at most the buffer's length; 0 at the end of the stream.
    pub fn poll_read(
        &mut self,
        id: ConnectionId,
        end: usize,
        buffer: &mut [u8],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let cut = self.config.cut;
        let Fabric {
            connections, cuts, ..
        } = self;
        let held = connections
            .get_mut(&id)
            .filter(|connection| connection.ends[end].held);
        let Some(connection) = held else {
            return Poll::Ready(Err(io::Error::other(
                "the process that opened this connection has ended",
            )));
        };
        let pipe = &mut connection.pipes[1 - end];
        let there = pipe.readable();
        if !there.is_empty() && !buffer.is_empty() {
            let most = there.len().min(buffer.len());
            let count = if most > 1 && cuts.chance(cut) {
                cuts.between(1..=most as u64) as usize
            } else {
                most
            };
            buffer[..count].copy_from_slice(&there[..count]);
            pipe.consume(count);
            self.transmit(id, 1 - end); // there is room again
            return Poll::Ready(Ok(count));
        }
        if buffer.is_empty() || pipe.is_at_end() {
            return Poll::Ready(Ok(0));
        }
        if let EndState::Failed(failure) = connection.ends[end].state {
            return Poll::Ready(Err(failure.error()));
        }
        connection.ends[end].reader = Some(waker.clone());
        Poll::Pending
    }

    /// Buffers what there is room for.
    pub fn poll_write(
        &mut self,
        id: ConnectionId,
        end: usize,
        bytes: &[u8],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let (cut, buffer_bytes) = (self.config.cut, self.config.send_buffer_bytes);
        let connection = match self.held(id, end) {
            Ok(connection) => connection,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if let EndState::Failed(failure) = connection.ends[end].state {
            return Poll::Ready(Err(failure.error()));
        }
        let pipe = &mut connection.pipes[end];
        if pipe.is_finished() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let most = pipe.room(buffer_bytes).min(bytes.len());
        if most == 0 && !bytes.is_empty() {
            connection.ends[end].writer = Some(waker.clone());
            return Poll::Pending;
        }
        let count = if most > 1 && self.cuts.chance(cut) {
            self.cuts.between(1..=most as u64) as usize
        } else {
            most
        };
        let connection = self.connections.get_mut(&id).expect("held");
        connection.pipes[end].write(&bytes[..count]);
        self.transmit(id, end);
        Poll::Ready(Ok(count))
    }

    /// Sends FIN after what is buffered; reading goes on.
    pub fn shutdown(&mut self, id: ConnectionId, end: usize) -> io::Result<()> {
        let connection = self.held(id, end)?;
        match connection.ends[end].state {
            EndState::Failed(_) => Err(io::ErrorKind::NotConnected.into()),
            _ => {
                connection.pipes[end].finish();
                self.transmit(id, end);
                Ok(())
            }
        }
    }

    pub fn addresses(&self, id: ConnectionId, end: usize) -> io::Result<(SocketAddr, SocketAddr)> {
        let connection = self.connections.get(&id).ok_or(io::ErrorKind::NotConnected)?;
        Ok((connection.ends[end].address, connection.ends[1 - end].address))
    }
}
