//! Open files of logs, bounded: a process may hold tens of thousands of partitions, and fewer descriptors.
//!
//! A file that falls out of the cache stays open while somebody holds a clone of it (a read that is under way, or
//! a segment with bytes that are not synced), and is opened again when it is wanted.

use runtime::disk::{File, OpenOptions};
use runtime::io;
use runtime::sync::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one file while its log is open, whatever becomes of its path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FileKey(u64);

/// The cache; clones share it.
#[derive(Clone)]
pub(crate) struct Files(Arc<Shared>);

struct Shared {
    next_key: AtomicU64,
    capacity: usize,
    cache: Mutex<Cache>,
}

/// Invariant: `files` and `by_age` name the same keys.
#[derive(Default)]
struct Cache {
    files: BTreeMap<FileKey, (u64, File)>,
    by_age: BTreeMap<u64, FileKey>,
    clock: u64,
}

impl Files {
    pub fn new(capacity: usize) -> Files {
        Files(Arc::new(Shared {
            next_key: AtomicU64::new(0),
            capacity: capacity.max(1),
            cache: Mutex::default(),
        }))
    }

    pub fn new_key(&self) -> FileKey {
        FileKey(self.0.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// The file of this key, opened at `path` with `options` unless it is open.
    pub fn get(&self, key: FileKey, path: &Path, options: OpenOptions) -> io::Result<File> {
        let mut cache = self.0.cache.lock();
        if let Some(file) = cache.touch(key) {
            return Ok(file);
        }
        let file = File::open_now(path, options)?;
        cache.insert(key, file.clone());
        while cache.files.len() > self.0.capacity {
            cache.drop_oldest();
        }
        Ok(file)
    }

    pub fn forget(&self, key: FileKey) {
        let mut cache = self.0.cache.lock();
        if let Some((age, _)) = cache.files.remove(&key) {
            cache.by_age.remove(&age);
        }
    }
}

impl Cache {
    fn touch(&mut self, key: FileKey) -> Option<File> {
        let (age, file) = self.files.get_mut(&key)?;
        self.clock += 1;
        self.by_age.remove(age);
        *age = self.clock;
        self.by_age.insert(self.clock, key);
        Some(file.clone())
    }

    fn insert(&mut self, key: FileKey, file: File) {
        self.clock += 1;
        self.files.insert(key, (self.clock, file));
        self.by_age.insert(self.clock, key);
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.files.remove(&key);
        }
    }
}
