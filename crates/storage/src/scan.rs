//! Walking over the batches of a `.log` file: by their headers alone for look-ups, or whole with their CRC for
//! recovery and scrubbing.

use bytes::Bytes;
use records::{BATCH_HEADER_BYTES, BatchHeader};
use runtime::disk::File;
use runtime::io;
use runtime::mutant::{Mutant, planted};

/// Read at once when walking over headers: about what lies between two index entries.
const HEADER_CHUNK_BYTES: usize = 4096;
/// Read at once when walking over whole batches.
const BATCH_CHUNK_BYTES: usize = 1 << 20;
/// How far behind damage the next intact batch is looked for: beyond any batch that default settings let in.
const RESYNC_BYTES_MAX: usize = 4 << 20;

/// A header and where its batch begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    pub position: u64,
    pub header: BatchHeader,
}

impl Located {
    pub fn end(&self) -> u64 {
        self.position + self.header.size_bytes() as u64
    }
}

/// Bytes that are no batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Damage {
    pub position: u64,
    pub what: String,
}

/// What a header in a log must satisfy, whoever wrote it. `room` is what the file holds from its first byte on.
pub(crate) fn check_header(bytes: &[u8], room: u64) -> Result<BatchHeader, String> {
    let header = BatchHeader::parse(bytes).map_err(|e| e.to_string())?;
    if header.base_offset < 0 || header.last_offset_delta < 0 {
        return Err(format!(
            "a batch with base offset {} and last offset delta {}",
            header.base_offset, header.last_offset_delta
        ));
    }
    if header.size_bytes() as u64 > room {
        return Err(format!(
            "a batch of {} bytes where {room} are left",
            header.size_bytes()
        ));
    }
    Ok(header)
}

/// Whether the whole batch's CRC holds.
pub(crate) fn crc_holds(header: &BatchHeader, batch: &[u8]) -> bool {
    planted(Mutant::SkipCrc) || records::compute_crc(batch) == header.crc
}

/// Headers one after the other, from the page cache, without awaiting.
pub(crate) struct HeaderWalk<'a> {
    file: &'a File,
    position: u64,
    end: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl<'a> HeaderWalk<'a> {
    /// Walks from a batch's first byte up to `end`, which is a batch's end too.
    pub fn new(file: &'a File, position: u64, end: u64) -> HeaderWalk<'a> {
        HeaderWalk {
            file,
            position,
            end,
            chunk: Vec::new(),
            chunk_at: 0,
        }
    }

    /// The next header; `Ok(None)` at the end.
    pub fn next(&mut self) -> io::Result<Option<Result<Located, Damage>>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let (position, room) = (self.position, self.end - self.position);
        let bytes = self.bytes_at(position)?;
        let located = match check_header(bytes, room) {
            Ok(header) => Located { position, header },
            Err(what) => return Ok(Some(Err(Damage { position, what }))),
        };
        self.position = located.end();
        Ok(Some(Ok(located)))
    }

    fn bytes_at(&mut self, position: u64) -> io::Result<&[u8]> {
        let header_end = u64::min(position + BATCH_HEADER_BYTES as u64, self.end);
        let is_inside = position >= self.chunk_at && header_end <= self.chunk_at + self.chunk.len() as u64;
        if !is_inside {
            let want = u64::min(self.end - position, HEADER_CHUNK_BYTES as u64) as usize;
            self.chunk.resize(want, 0);
            let mut filled = 0;
            while filled < want {
                match self
                    .file
                    .read_at(&mut self.chunk[filled..], position + filled as u64)?
                {
                    0 => break,
                    count => filled += count,
                }
            }
            self.chunk.truncate(filled);
            self.chunk_at = position;
        }
        let from = (position - self.chunk_at) as usize;
        Ok(&self.chunk[usize::min(from, self.chunk.len())..])
    }
}

/// One step of a [`BatchWalk`].
#[derive(Debug)]
pub(crate) enum Step {
    End,
    /// Structure and CRC are sound.
    Batch {
        at: Located,
        bytes: Bytes,
    },
    /// The header is plausible, the CRC is not.
    BadCrc {
        at: Located,
        damage: Damage,
    },
    /// Not even a header: where the next batch begins is unknown.
    BadHeader(Damage),
}

/// Whole batches one after the other, read off the worker in large chunks.
pub(crate) struct BatchWalk {
    file: File,
    position: u64,
    end: u64,
    chunk: Bytes,
    chunk_at: u64,
}

impl BatchWalk {
    pub fn new(file: File, position: u64, end: u64) -> BatchWalk {
        BatchWalk {
            file,
            position,
            end,
            chunk: Bytes::new(),
            chunk_at: 0,
        }
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn skip_to(&mut self, position: u64) {
        self.position = position;
    }

    pub async fn next(&mut self) -> io::Result<Step> {
        if self.position >= self.end {
            return Ok(Step::End);
        }
        let position = self.position;
        let head = self.bytes(BATCH_HEADER_BYTES).await?;
        let header = match check_header(&head, self.end - position) {
            Ok(header) => header,
            Err(what) => return Ok(Step::BadHeader(Damage { position, what })),
        };
        let bytes = self.bytes(header.size_bytes()).await?;
        if bytes.len() < header.size_bytes() {
            let what = format!(
                "a batch of {} bytes, of which {} are there",
                header.size_bytes(),
                bytes.len()
            );
            return Ok(Step::BadHeader(Damage { position, what }));
        }
        let at = Located { position, header };
        self.position = at.end();
        if crc_holds(&header, &bytes) {
            return Ok(Step::Batch { at, bytes });
        }
        let what = format!(
            "the CRC of the batch at offset {} does not hold",
            header.base_offset
        );
        Ok(Step::BadCrc {
            at,
            damage: Damage { position, what },
        })
    }

    /// The next `len` bytes, fewer when the file ends first.
    async fn bytes(&mut self, len: usize) -> io::Result<Bytes> {
        let chunk_end = self.chunk_at + self.chunk.len() as u64;
        let is_inside = self.position >= self.chunk_at && self.position + len as u64 <= chunk_end;
        if !is_inside {
            let want = u64::min(
                self.end - self.position,
                usize::max(len, BATCH_CHUNK_BYTES) as u64,
            );
            // what is in the page cache comes without waiting: let others run between chunks
            runtime::task::yield_now().await;
            self.chunk = self.file.read_bytes(self.position, want as usize).await?;
            self.chunk_at = self.position;
        }
        let from = (self.position - self.chunk_at) as usize;
        let to = usize::min(from + len, self.chunk.len());
        Ok(self.chunk.slice(from..to))
    }

    /// After a bad header: where the next intact batch begins whose offsets lie in `offsets`, if one is near.
    pub async fn resync(&mut self, offsets: std::ops::Range<i64>) -> io::Result<Option<u64>> {
        let from = self.position + 1;
        if from >= self.end {
            return Ok(None);
        }
        let want = u64::min(self.end - from, RESYNC_BYTES_MAX as u64) as usize;
        let bytes = self.file.read_bytes(from, want).await?;
        let is_batch = |skip: &usize| {
            let bytes = &bytes[*skip..];
            let Ok(header) = check_header(bytes, bytes.len() as u64) else {
                return false;
            };
            offsets.contains(&header.base_offset)
                && records::compute_crc(&bytes[..header.size_bytes()]) == header.crc
        };
        Ok((0..bytes.len()).find(is_batch).map(|skip| from + skip as u64))
    }
}
