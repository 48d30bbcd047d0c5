//! Group commit: one `fdatasync` for all who wait, and what it may claim.
//!
//! A round notes the log's end, syncs every file that has bytes from before, then the folder when it has new entries,
//! and only then moves `durable_end` to the noted end. It runs in a task of its own: a waiter that gives up cannot take
//! the result of a failed sync with it, which the kernel tells but once.

use super::{Log, State};
use crate::error::StorageError;
use crate::names::SegmentFile;
use runtime::disk::{self, File};
use runtime::io;
use runtime::mutant::{Mutant, planted};
use runtime::time::Monotonic;
use std::path::PathBuf;

/// What one round covers.
struct Round {
    end: i64,
    files: Vec<(PathBuf, File)>,
    folder: bool,
}

impl Log {
    /// Returns once everything that was appended before the call is durable, with the end of what is.
    pub async fn sync(&self) -> Result<i64, StorageError> {
        let mut durable = self.0.durable.subscribe();
        let target = self.log_end_offset();
        loop {
            {
                let mut state = self.open_state()?;
                // a truncation may have taken the target away
                if state.durable_end >= i64::min(target, state.next_offset) && !state.folder_unsynced {
                    return Ok(state.durable_end);
                }
                if let Some(fence) = &state.fence {
                    return Err(StorageError::Fenced(fence.clone()));
                }
                self.start_sync(&mut state);
                if planted(Mutant::AckBeforeDurable) {
                    return Ok(state.next_offset);
                }
            }
            let result = durable.changed().await;
            result.expect("the log holds the sender, and this call the log");
        }
    }

    /// Starts a round unless one runs. Its end is told to all who watch.
    pub(super) fn start_sync(&self, state: &mut State) {
        if state.sync_running || state.fence.is_some() || state.closed {
            return;
        }
        state.sync_running = true;
        let log = self.clone();
        runtime::task::spawn(async move { log.sync_round().await });
    }

    async fn sync_round(self) {
        let round = self.begin_round();
        let outcome = self.run_round(&round).await;
        let mut state = self.0.state.lock();
        state.sync_running = false;
        state.last_sync = Monotonic::now();
        match outcome {
            Ok(()) => {
                let end = i64::min(round.end, state.sync_covers);
                if state.fence.is_none() {
                    state.durable_end = i64::max(state.durable_end, end);
                    runtime::trace!("{} durable to {}", self.0.tp, state.durable_end);
                }
            }
            // its folder was renamed to be deleted
            Err(_) if state.closed => {}
            Err((path, error)) => {
                self.fence(&mut state, super::SYNCING, &path, &error);
                if planted(Mutant::AppendAfterIoError) {
                    // the next sync succeeds, without the pages that this one lost
                    state.durable_end = round.end;
                }
            }
        }
        self.publish_durable(&state);
    }

    fn begin_round(&self) -> Round {
        let mut state = self.0.state.lock();
        let end = state.next_offset;
        state.sync_covers = end;
        let folder = std::mem::take(&mut state.folder_unsynced);
        let unsynced = |segment: &mut crate::segment::Segment| {
            let file = segment.unsynced.take()?;
            Some((segment.path(SegmentFile::Log), file))
        };
        let files = state.segments.values_mut().filter_map(unsynced).collect();
        Round { end, files, folder }
    }

    async fn run_round(&self, round: &Round) -> Result<(), (PathBuf, io::Error)> {
        for (path, file) in &round.files {
            file.sync_data().await.map_err(|error| (path.clone(), error))?;
        }
        if round.folder {
            let folder = &self.0.dir;
            disk::sync_dir(folder)
                .await
                .map_err(|error| (folder.to_path_buf(), error))?;
        }
        Ok(())
    }
}
