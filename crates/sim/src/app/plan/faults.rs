//! The faults that a plan can hold.
//!
//! A fault is an entry with a time, a broker to strike and a length; what it does is in `app/faults/`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Since the workloads began.
    pub at_ms: u64,
    /// How long it lasts: the time down, the time the partition stands.
    pub for_ms: u64,
    /// The broker's place in `cluster.brokers`.
    pub broker: u32,
    /// Names the stream that the fault draws from as it strikes.
    pub stream: u32,
    pub fault: Fault,
}

/// Which traffic a network fault touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Both,
    ToBroker,
    FromBroker,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The machine goes dark: unsynced writes are kept, torn or lost.
    PowerLoss {},
    /// The process dies; the page cache lives.
    Kill {},
    /// Power loss, and again while the broker recovers: `times` times, each within `within_us` of the start.
    CrashInRecovery { times: u32, within_us: u64 },
    /// SIGTERM and start again.
    CleanRestart {},
    /// The process stands still; its clocks go on.
    Pause {},
    /// Writes fail with EIO with this chance.
    WriteError { per_mille: u64 },
    /// Cold reads fail with EIO with this chance.
    ReadError { per_mille: u64 },
    /// An fsync fails and its pages are dropped, with this chance.
    SyncFailure { per_mille: u64 },
    /// No space left on the device: for writes, and for fsync too when `on_sync`.
    NoSpace { on_sync: bool },
    /// `bits` flip in a file of a partition.
    BitRot { bits: u32 },
    /// One write lands at another place.
    MisdirectedWrite {},
    /// Every operation takes `factor` times as long.
    SlowDisk { factor: u64 },
    /// No packet passes; `client` alone, or all of them.
    Partition { link: Link, client: Option<u32> },
    /// One way latency rises by this.
    Latency { extra_us: u64 },
    /// Each direction is throttled.
    Bandwidth { bytes_per_second: u64 },
    /// Every open connection is reset.
    Reset {},
    /// Peers connect, send half a request and vanish without a word.
    SilentVanish {},
    /// So many of a thousand writes, segments and reads are cut at a random place.
    CutStreams { per_mille: u64 },
    /// So many of a thousand packets are lost, and sent again later.
    PacketLoss { per_mille: u64 },
    /// New connections hang until their time-out.
    ConnectTimeout {},
    /// The broker's wall clock steps by this.
    ClockStep { ms: i64 },
    /// The broker's clocks run this much too fast (parts per million).
    ClockDrift { ppm: i64 },
}

/// A fault's name without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    PowerLoss,
    Kill,
    CrashInRecovery,
    CleanRestart,
    Pause,
    WriteError,
    ReadError,
    SyncFailure,
    NoSpace,
    BitRot,
    MisdirectedWrite,
    SlowDisk,
    Partition,
    Latency,
    Bandwidth,
    Reset,
    SilentVanish,
    CutStreams,
    PacketLoss,
    ConnectTimeout,
    ClockStep,
    ClockDrift,
}

impl FaultKind {
    pub const ALL: [FaultKind; 22] = [
        FaultKind::PowerLoss,
        FaultKind::Kill,
        FaultKind::CrashInRecovery,
        FaultKind::CleanRestart,
        FaultKind::Pause,
        FaultKind::WriteError,
        FaultKind::ReadError,
        FaultKind::SyncFailure,
        FaultKind::NoSpace,
        FaultKind::BitRot,
        FaultKind::MisdirectedWrite,
        FaultKind::SlowDisk,
        FaultKind::Partition,
        FaultKind::Latency,
        FaultKind::Bandwidth,
        FaultKind::Reset,
        FaultKind::SilentVanish,
        FaultKind::CutStreams,
        FaultKind::PacketLoss,
        FaultKind::ConnectTimeout,
        FaultKind::ClockStep,
        FaultKind::ClockDrift,
    ];

    pub fn name(self) -> &'static str {
        match self {
            FaultKind::PowerLoss => "power_loss",
            FaultKind::Kill => "kill",
            FaultKind::CrashInRecovery => "crash_in_recovery",
            FaultKind::CleanRestart => "clean_restart",
            FaultKind::Pause => "pause",
            FaultKind::WriteError => "write_error",
            FaultKind::ReadError => "read_error",
            FaultKind::SyncFailure => "sync_failure",
            FaultKind::NoSpace => "no_space",
            FaultKind::BitRot => "bit_rot",
            FaultKind::MisdirectedWrite => "misdirected_write",
            FaultKind::SlowDisk => "slow_disk",
            FaultKind::Partition => "partition",
            FaultKind::Latency => "latency",
            FaultKind::Bandwidth => "bandwidth",
            FaultKind::Reset => "reset",
            FaultKind::SilentVanish => "silent_vanish",
            FaultKind::CutStreams => "cut_streams",
            FaultKind::PacketLoss => "packet_loss",
            FaultKind::ConnectTimeout => "connect_timeout",
            FaultKind::ClockStep => "clock_step",
            FaultKind::ClockDrift => "clock_drift",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            FaultKind::PowerLoss => "unsynced writes are kept, torn or lost, then the broker starts again",
            FaultKind::Kill => "the process dies, the page cache lives",
            FaultKind::CrashInRecovery => "power is lost again while the broker recovers",
            FaultKind::CleanRestart => "graceful stop and start",
            FaultKind::Pause => "the process stands still while time goes on",
            FaultKind::WriteError => "EIO on write",
            FaultKind::ReadError => "EIO on read",
            FaultKind::SyncFailure => "fsync fails and drops its pages",
            FaultKind::NoSpace => "ENOSPC on write, sometimes on fsync",
            FaultKind::BitRot => "bits flip in a partition's file",
            FaultKind::MisdirectedWrite => "a write lands at another place",
            FaultKind::SlowDisk => "every disk operation takes longer",
            FaultKind::Partition => "packets are dropped, one way or both",
            FaultKind::Latency => "packets take longer",
            FaultKind::Bandwidth => "links are throttled",
            FaultKind::Reset => "open connections are reset",
            FaultKind::SilentVanish => "peers go silent without closing",
            FaultKind::CutStreams => "streams arrive in small pieces",
            FaultKind::PacketLoss => "packets are lost and sent again",
            FaultKind::ConnectTimeout => "new connections hang",
            FaultKind::ClockStep => "the broker's wall clock steps",
            FaultKind::ClockDrift => "the broker's clocks run fast or slow",
        }
    }
}

impl Fault {
    pub fn kind(&self) -> FaultKind {
        match self {
            Fault::PowerLoss {} => FaultKind::PowerLoss,
            Fault::Kill {} => FaultKind::Kill,
            Fault::CrashInRecovery { .. } => FaultKind::CrashInRecovery,
            Fault::CleanRestart {} => FaultKind::CleanRestart,
            Fault::Pause {} => FaultKind::Pause,
            Fault::WriteError { .. } => FaultKind::WriteError,
            Fault::ReadError { .. } => FaultKind::ReadError,
            Fault::SyncFailure { .. } => FaultKind::SyncFailure,
            Fault::NoSpace { .. } => FaultKind::NoSpace,
            Fault::BitRot { .. } => FaultKind::BitRot,
            Fault::MisdirectedWrite {} => FaultKind::MisdirectedWrite,
            Fault::SlowDisk { .. } => FaultKind::SlowDisk,
            Fault::Partition { .. } => FaultKind::Partition,
            Fault::Latency { .. } => FaultKind::Latency,
            Fault::Bandwidth { .. } => FaultKind::Bandwidth,
            Fault::Reset {} => FaultKind::Reset,
            Fault::SilentVanish {} => FaultKind::SilentVanish,
            Fault::CutStreams { .. } => FaultKind::CutStreams,
            Fault::PacketLoss { .. } => FaultKind::PacketLoss,
            Fault::ConnectTimeout {} => FaultKind::ConnectTimeout,
            Fault::ClockStep { .. } => FaultKind::ClockStep,
            Fault::ClockDrift { .. } => FaultKind::ClockDrift,
        }
    }
}
