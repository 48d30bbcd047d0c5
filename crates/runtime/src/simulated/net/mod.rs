//! The simulated network as a node's code sees it: the same names as the real one.

mod connection;
pub mod fabric;
mod handshake;
pub mod links;
mod pipe;

use super::universe::{World, world};
use crate::disk::File;
use fabric::ConnectionId;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// What `send_file` reads at a time.
const CHUNK_BYTES: u64 = 128 * 1024;

/// A socket that accepts connections.
pub struct TcpListener {
    world: Arc<World>,
    node: super::control::NodeId,
    id: u64,
    address: SocketAddr,
}

impl TcpListener {
    /// Listens on `host:port`; port 0 takes a free one.
    pub async fn bind(address: &str) -> io::Result<TcpListener> {
        let world = world();
        let node = world.current_node();
        let (id, address) = world.net.lock().listen(node, address)?;
        Ok(TcpListener {
            world,
            node,
            id,
            address: handshake::reported(address),
        })
    }

    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = poll_fn(|cx| {
            let mut net = self.world.net.lock();
            net.accept(self.node, self.address.port(), self.id, cx.waker())
                .map_or(Poll::Pending, Poll::Ready)
        });
        let (id, peer) = accepted.await?;
        Ok((
            TcpStream(Socket {
                world: self.world.clone(),
                id,
                end: 1,
            }),
            peer,
        ))
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.address).finish()
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.world
            .net
            .lock()
            .close_listener(self.node, self.address.port(), self.id);
    }
}

/// A program's hold on one end of a connection.
struct Socket {
    world: Arc<World>,
    id: ConnectionId,
    end: usize,
}

impl Socket {
    fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        self.world.net.lock().addresses(self.id, self.end)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut net = self.world.net.lock();
        let read = net.poll_read(self.id, self.end, buf.initialize_unfilled(), cx.waker());
        read.map_ok(|count| buf.advance(count))
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.world
            .net
            .lock()
            .poll_write(self.id, self.end, bytes, cx.waker())
    }

    fn shutdown(&self) -> io::Result<()> {
        self.world.net.lock().shutdown(self.id, self.end)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.world.net.lock().close(self.id, self.end);
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("connection", &self.id)
            .field("end", &self.end)
            .finish()
    }
}

/// A connected byte stream.
#[derive(Debug)]
pub struct TcpStream(Socket);

impl TcpStream {
    /// Connects to `host:port`; a host is an address, a node's name, or `localhost`.
    pub async fn connect(address: &str) -> io::Result<TcpStream> {
        let world = world();
        let id = world.net.lock().connect(world.current_node(), address)?;
        let socket = Socket { world, id, end: 0 };
        poll_fn(|cx| socket.world.net.lock().poll_connected(id, cx.waker())).await?;
        Ok(TcpStream(socket))
    }

    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.addresses().map(|(_, peer)| peer)
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.addresses().map(|(local, _)| local)
    }

    /// Halves that two tasks can own. Dropping the write half sends FIN; dropping both closes the connection.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let socket = Arc::new(self.0);
        (OwnedReadHalf(socket.clone()), OwnedWriteHalf(socket))
    }
}

/// The half that reads.
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<Socket>);

impl OwnedReadHalf {
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.addresses().map(|(_, peer)| peer)
    }
}

/// The half that writes.
#[derive(Debug)]
pub struct OwnedWriteHalf(Arc<Socket>);

impl OwnedWriteHalf {
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.addresses().map(|(_, peer)| peer)
    }

    /// Sends a range of a file. Answers how many bytes were sent: fewer than `len` when the file ends first.
    pub async fn send_file(&mut self, file: &File, offset: u64, len: u64) -> io::Result<u64> {
        let mut sent = 0;
        while sent < len {
            let chunk = file
                .read_bytes(offset + sent, (len - sent).min(CHUNK_BYTES) as usize)
                .await?;
            if chunk.is_empty() {
                break; // the file ends here
            }
            self.write_all(&chunk).await?;
            sent += chunk.len() as u64;
        }
        Ok(sent)
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        // A connection that is already broken has nobody to tell.
        let _ = self.0.shutdown();
    }
}

macro_rules! async_read {
    ($type:ty) => {
        impl AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_read(cx, buf)
            }
        }
    };
}

macro_rules! async_write {
    ($type:ty) => {
        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write(cx, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.0.shutdown())
            }
        }
    };
}

async_read!(TcpStream);
async_read!(OwnedReadHalf);
async_write!(TcpStream);
async_write!(OwnedWriteHalf);
