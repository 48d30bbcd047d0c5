//! Requests as frames: a four-byte length, then that many bytes.
//!
//! Nothing is allocated on a peer's word alone: the first [`FREE_BYTES`] of a frame arrive in a buffer that
//! grows with them; only then is the rest reserved from the node's budget and allocated at once. A peer that
//! stalls while it holds such a reservation is cut off after [`STALL_TIME_MAX`].

use super::budget::{Budget, Reservation};
use bytes::{Bytes, BytesMut};
use runtime::io::{self, AsyncReadExt};
use runtime::net::OwnedReadHalf;
use runtime::time::{self, Duration};

const LENGTH_BYTES: usize = 4;
/// What a connection may hold without a reservation.
const FREE_BYTES: usize = 64 * 1024;
/// The buffer of an idle connection.
const IDLE_BYTES: usize = 4 * 1024;
const STALL_TIME_MAX: Duration = Duration::from_secs(30);

pub struct Frame {
    pub bytes: Bytes,
    /// Held until the request is handled; `None` for small ones.
    pub reservation: Option<Reservation>,
}

/// Why there is no next frame.
#[derive(Debug)]
pub enum FrameEnd {
    /// The peer closed between two frames.
    Closed,
    /// The peer closed inside a frame.
    Truncated {
        have: usize,
    },
    /// No byte came for `connections.max.idle.ms`.
    Idle {
        inside_frame: bool,
    },
    TooLarge {
        size: i32,
        max: usize,
    },
    Negative {
        size: i32,
    },
    Io(io::Error),
}

pub struct FrameReader {
    half: OwnedReadHalf,
    buffer: BytesMut,
    frame_bytes_max: usize,
    idle: Duration,
    budget: Budget,
}

impl FrameReader {
    pub fn new(half: OwnedReadHalf, frame_bytes_max: usize, idle: Duration, budget: Budget) -> Self {
        FrameReader {
            half,
            buffer: BytesMut::new(),
            frame_bytes_max,
            idle,
            budget,
        }
    }

    /// The next frame. Not to be called again after an end, save `Idle` outside of a frame.
    pub async fn next(&mut self) -> Result<Frame, FrameEnd> {
        while self.buffer.len() < LENGTH_BYTES {
            self.buffer.reserve(IDLE_BYTES);
            self.fill(self.idle).await?;
        }
        let size = i32::from_be_bytes(self.buffer[..LENGTH_BYTES].try_into().expect("four bytes"));
        let length = usize::try_from(size).map_err(|_| FrameEnd::Negative { size })?;
        if length > self.frame_bytes_max {
            return Err(FrameEnd::TooLarge {
                size,
                max: self.frame_bytes_max,
            });
        }
        let end = LENGTH_BYTES + length;
        let mut reservation = None;
        while self.buffer.len() < end {
            let missing = end - self.buffer.len();
            if self.buffer.len() < FREE_BYTES {
                self.buffer
                    .reserve(missing.min(self.buffer.len().max(IDLE_BYTES)));
                self.fill(self.idle).await?;
                continue;
            }
            if reservation.is_none() {
                reservation = Some(self.budget.reserve(length).await);
                self.buffer.reserve(missing);
            }
            self.fill(self.idle.min(STALL_TIME_MAX)).await?;
        }
        let mut bytes = self.buffer.split_to(end).freeze();
        let _ = bytes.split_to(LENGTH_BYTES);
        if reservation.is_some() {
            // What follows must not keep the large frame's memory alive.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Frame { bytes, reservation })
    }

    async fn fill(&mut self, patience: Duration) -> Result<(), FrameEnd> {
        let inside_frame = !self.buffer.is_empty();
        match time::timeout(patience, self.half.read_buf(&mut self.buffer)).await {
            Err(_) => Err(FrameEnd::Idle { inside_frame }),
            Ok(Err(error)) => Err(FrameEnd::Io(error)),
            Ok(Ok(0)) if inside_frame => Err(FrameEnd::Truncated {
                have: self.buffer.len(),
            }),
            Ok(Ok(0)) => Err(FrameEnd::Closed),
            Ok(Ok(_)) => Ok(()),
        }
    }
}
