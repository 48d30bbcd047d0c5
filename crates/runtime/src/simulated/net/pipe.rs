//! One direction of a connection: a reliable byte stream over a link that loses, delays and stalls.
//!
//! ```text
//!   0 ........ read ........ delivered ........ sent ........ written [FIN]
//!              |  in the receiver's  |  on the link  |  in the sender's
//!              |  buffer             |               |  buffer
//! ```
//!
//! Invariant: read <= acked, delivered <= sent <= written + FIN; acked <= delivered. The FIN counts as one byte.

use super::super::clock::Nanos;
use super::super::dice::Dice;
use bytes::{Buf, BytesMut};

/// The most bytes that travel as one segment.
const SEGMENT_MAX: u64 = 64 * 1024;

/// The first retransmission waits so long, each further one twice as long, up to the maximum.
const RTO_FIRST: Nanos = 200_000_000;
const RTO_MAX: Nanos = 3_000_000_000;

#[derive(Default)]
pub struct Pipe {
    /// From `read` to `written`.
    bytes: BytesMut,
    read: u64,
    delivered: u64,
    acked: u64,
    sent: u64,
    written: u64,
    fin: bool,
    /// Segments of an earlier generation are void.
    generation: u32,
    last_arrival: Nanos,
    rto: Nanos,
    stalled_since: Option<Nanos>,
    timer: Option<u32>,
    timers: u32,
}

/// A stretch of the stream on its way.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    generation: u32,
    start: u64,
    end: u64,
}

impl Segment {
    pub fn len(&self) -> u64 {
        self.end - self.start
    }
}

impl Pipe {
    // --- the sender's side ---

    pub fn room(&self, buffer_bytes: u64) -> usize {
        buffer_bytes.saturating_sub(self.written - self.acked.min(self.written)) as usize
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.written += bytes.len() as u64;
    }

    pub fn finish(&mut self) {
        self.fin = true;
    }

    pub fn is_finished(&self) -> bool {
        self.fin
    }

    /// Everything, FIN included, has arrived and the sender knows it.
    pub fn is_done(&self) -> bool {
        self.fin && self.acked == self.end()
    }

    fn end(&self) -> u64 {
        self.written + u64::from(self.fin)
    }

    /// The next segment to put on the link, cut at a random place with this probability; none when all is sent or the
    /// receiver has no room worth a segment.
    pub fn take_segment(&mut self, window: u64, cut: f64, dice: &mut Dice) -> Option<Segment> {
        let left = self.end() - self.sent;
        if left == 0 {
            return None;
        }
        let room = (self.read + window).saturating_sub(self.sent);
        let only_fin = self.sent == self.written;
        if !only_fin && room < left.min(window / 4).max(1) {
            return None;
        }
        let most = if only_fin {
            1
        } else {
            left.min(room).min(SEGMENT_MAX)
        };
        let len = if most > 1 && dice.chance(cut) {
            dice.between(1..=most)
        } else {
            most
        };
        let segment = Segment {
            generation: self.generation,
            start: self.sent,
            end: self.sent + len,
        };
        self.sent += len;
        Some(segment)
    }

    /// Segments arrive in order: not before the last one.
    pub fn arrival(&mut self, at: Nanos) -> Nanos {
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }

    /// What was sent may be lost. Answers the wait until the next try, and the timer's number, if none runs yet.
    pub fn stall(&mut self, now: Nanos) -> Option<(Nanos, u32)> {
        self.stalled_since.get_or_insert(now);
        if self.timer.is_some() {
            return None;
        }
        let wait = self.rto.max(RTO_FIRST);
        self.rto = (wait * 2).min(RTO_MAX);
        self.timers += 1;
        self.timer = Some(self.timers);
        Some((wait, self.timers))
    }

    /// The timer rings. Answers since when nothing has been acknowledged; none if the timer is void.
    pub fn ring(&mut self, number: u32) -> Option<Nanos> {
        if self.timer != Some(number) {
            return None;
        }
        self.timer = None;
        self.stalled_since
    }

    /// Begins anew behind what has arrived.
    pub fn rewind(&mut self) {
        self.generation += 1;
        self.sent = self.delivered;
    }

    /// What has arrived is acknowledged.
    pub fn acknowledge(&mut self) {
        self.acked = self.delivered;
        self.stalled_since = None;
        self.timer = None;
        self.rto = RTO_FIRST;
    }

    pub fn has_unacknowledged(&self) -> bool {
        self.acked < self.sent
    }

    pub fn is_waiting_for_timer(&self) -> bool {
        self.timer.is_some()
    }

    /// The sender is gone or has given up: nothing more leaves it.
    pub fn abandon(&mut self) {
        self.generation += 1;
        self.timer = None;
        let keep = (self.delivered.min(self.written) - self.read) as usize;
        self.bytes.truncate(keep);
        self.written = self.read + keep as u64;
        self.sent = self.delivered;
    }

    // --- the receiver's side ---

    /// Whether the segment is still meant, and next in order.
    pub fn expects(&self, segment: Segment) -> bool {
        segment.generation == self.generation && segment.start == self.delivered
    }

    pub fn deliver(&mut self, segment: Segment) {
        self.delivered = segment.end;
    }

    pub fn carries_data(&self, segment: Segment) -> bool {
        segment.start < self.written
    }

    pub fn readable(&self) -> &[u8] {
        &self.bytes[..(self.delivered.min(self.written) - self.read) as usize]
    }

    pub fn consume(&mut self, count: usize) {
        self.bytes.advance(count);
        self.read += count as u64;
    }

    pub fn is_at_end(&self) -> bool {
        self.fin && self.delivered == self.end() && self.read == self.written
    }
}
