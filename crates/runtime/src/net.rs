//! TCP byte streams. `TCP_NODELAY` is always set: whoever writes decides what forms one write.
//!
//! Addresses are `host:port`; a host is an address or a name. Streams implement tokio's `AsyncRead` and
//! `AsyncWrite`, so that TLS and HTTP can run on them.

pub use crate::world::net::{OwnedReadHalf, OwnedWriteHalf, TcpListener, TcpStream};
pub use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
