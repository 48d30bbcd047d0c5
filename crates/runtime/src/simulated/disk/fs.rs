//! One machine's file system: the tree of folders, the files' contents, room, faults, and what a power loss leaves.

use super::super::clock::Nanos;
use super::super::control::NodeId;
use super::super::dice::Dice;
use super::content::Content;
use super::damage::Noted;
use super::faults::{DiskError, DiskFault, DiskSpeed, DiskStatistics, Faults, PowerLoss};
use super::tree::{InodeId, ROOT, Tree};
use crate::disk::{DirEntry, Metadata, OpenOptions};
use crate::time::WallMs;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

const CAPACITY: u64 = 1 << 40;

/// Unlinked files are looked for after so many removals.
const SWEEP_EVERY: u32 = 64;

/// A file: its content, whoever names it.
pub(super) struct FileInode {
    pub(super) content: Content,
    /// Where it was last linked.
    pub(super) path: String,
    pub(super) linked: bool,
    handles: u32,
    modified: WallMs,
}

/// A machine's disk.
pub struct FileSystem {
    pub(super) node: NodeId,
    /// Counts the processes that had this disk; operations of an earlier one are refused.
    epoch: u32,
    pub(super) tree: Tree,
    pub(super) files: BTreeMap<InodeId, FileInode>,
    next_inode: InodeId,
    next_sync: u64,
    locks: BTreeSet<String>,
    removals: u32,
    used: u64,
    pub capacity: u64,
    pub faults: Faults,
    speed: DiskSpeed,
    pub power_loss: PowerLoss,
    busy_until: Nanos,
    pub(super) dice: DiskDice,
    pub(super) noted: Vec<Noted>,
    errors: Vec<DiskError>,
    pub statistics: DiskStatistics,
}

/// One stream per purpose, so that one fault more does not move all others.
pub(super) struct DiskDice {
    faults: Dice,
    latency: Dice,
    power: Dice,
    pub(super) damage: Dice,
}

impl FileSystem {
    pub fn new(seed: u64, node: NodeId) -> FileSystem {
        let dice = |purpose| Dice::new(seed, purpose, u64::from(node.0));
        FileSystem {
            node,
            epoch: 0,
            tree: Tree::new(),
            files: BTreeMap::new(),
            next_inode: ROOT + 1,
            next_sync: 1,
            locks: BTreeSet::new(),
            removals: 0,
            used: 0,
            capacity: CAPACITY,
            faults: Faults::default(),
            speed: DiskSpeed::default(),
            power_loss: PowerLoss::default(),
            busy_until: 0,
            dice: DiskDice {
                faults: dice("disk.faults"),
                latency: dice("disk.latency"),
                power: dice("disk.power"),
                damage: dice("disk.damage"),
            },
            noted: Vec::new(),
            errors: Vec::new(),
            statistics: DiskStatistics::default(),
        }
    }

    // --- processes and power ---

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Refuses what a process does after its end.
    pub fn check_epoch(&mut self, epoch: u32) -> io::Result<()> {
        if epoch == self.epoch {
            return Ok(());
        }
        self.statistics.late_operations += 1;
        Err(io::Error::other("the process that opened this file has ended"))
    }

    /// The process ends; what it wrote stays in the page cache.
    pub fn end_process(&mut self) {
        self.epoch += 1;
        self.locks.clear();
        for file in self.files.values_mut() {
            file.handles = 0;
            // The new process may find pages that a failed sync dropped still in the cache, or not.
            if self.dice.power.chance(0.5) {
                file.content.forget_phantoms();
            }
        }
        self.sweep();
    }

    pub fn lose_power(&mut self) {
        self.end_process();
        self.statistics.power_losses += 1;
        self.busy_until = 0;
        for file in self.files.values_mut() {
            let toll = file.content.lose_power(self.power_loss, &mut self.dice.power);
            self.statistics.sectors_kept += toll.kept;
            self.statistics.sectors_lost += toll.lost;
            self.statistics.sectors_torn += toll.torn;
        }
        self.statistics.entries_lost += self.tree.lose_power(&mut self.dice.power);
        self.relink();
        self.sweep();
    }

    pub fn sync_everything(&mut self) {
        self.next_sync += 1;
        for file in self.files.values_mut() {
            file.content.seal(self.next_sync);
            file.content.settle(self.next_sync);
        }
        self.tree.sync_everything();
        self.sweep();
    }

    /// Finds out anew which files have names.
    fn relink(&mut self) {
        self.files.values_mut().for_each(|file| file.linked = false);
        for (path, inode) in self.tree.files() {
            if let Some(file) = self.files.get_mut(&inode) {
                file.linked = true;
                file.path = path;
            }
        }
    }

    /// Frees files that no name and no process leads to any more, and counts the room in use.
    fn sweep(&mut self) {
        self.removals = 0;
        let named = self.tree.sweep();
        self.files
            .retain(|inode, file| file.handles > 0 || named.contains(inode));
        let taken = self.files.values().filter(|file| file.linked || file.handles > 0);
        self.used = taken.map(|file| file.content.len()).sum();
    }

    fn on_removal(&mut self) {
        self.removals += 1;
        if self.removals >= SWEEP_EVERY {
            self.sweep();
        }
    }

    pub fn used(&self) -> u64 {
        self.used
    }

    // --- time ---

    /// Queues an operation at the device; answers how long it takes from now.
    pub fn operation_time(&mut self, now: Nanos, bytes: u64) -> Duration {
        let (low, high) = self.speed.operation;
        let own = self.dice.latency.duration(low, high);
        self.queue(now, own, bytes)
    }

    fn sync_time(&mut self, now: Nanos, bytes: u64) -> Duration {
        let (low, high) = self.speed.sync;
        let own = self.dice.latency.duration(low, high);
        self.queue(now, own, bytes)
    }

    fn queue(&mut self, now: Nanos, own: Duration, bytes: u64) -> Duration {
        let transfer = u128::from(bytes) * 1_000_000_000 / u128::from(self.speed.bytes_per_second.max(1));
        let start = self.busy_until.max(now);
        self.busy_until = start + super::super::time::nanos(own) + transfer as u64;
        Duration::from_nanos(self.busy_until - now)
    }

    /// From now on. What stood in the queue at the old speed keeps nobody waiting who comes after.
    pub fn set_speed(&mut self, speed: DiskSpeed, now: Nanos) {
        self.speed = speed;
        self.busy_until = self.busy_until.min(now);
    }

    pub fn stall_until(&mut self, until: Nanos) {
        self.busy_until = self.busy_until.max(until);
    }

    // --- faults ---

    fn meets(&mut self, fault: DiskFault, path: &str) -> bool {
        let met = self.faults.meets(fault, path, &mut self.dice.faults);
        if met {
            *self.statistics.faults.entry(fault).or_default() += 1;
            if fault != DiskFault::MisdirectedWrite {
                self.note_error(fault, path);
            }
        }
        met
    }

    fn note_error(&mut self, fault: DiskFault, path: &str) {
        let at = super::super::control::now();
        self.errors.push(DiskError {
            fault,
            path: path.to_string(),
            at,
        });
    }

    /// The errors that programs were given, oldest first.
    pub fn errors(&self) -> &[DiskError] {
        &self.errors
    }

    fn check_metadata_fault(&mut self, path: &Path) -> io::Result<()> {
        if self.meets(DiskFault::MetadataError, &path.to_string_lossy()) {
            Err(eio())
        } else {
            Ok(())
        }
    }

    // --- folders ---

    pub fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.check_metadata_fault(path)?;
        for ancestor in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            match self.tree.find(ancestor)? {
                Some(inode) if self.tree.is_folder(inode) => {}
                Some(_) => return Err(io::ErrorKind::AlreadyExists.into()),
                None => {
                    let (folder, name) = self.tree.parent(ancestor)?;
                    let inode = self.new_inode();
                    self.tree.link_folder(folder, &name, inode);
                }
            }
        }
        Ok(())
    }

    pub fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let entry = |(name, inode): (&String, &InodeId)| DirEntry {
            name: name.clone(),
            is_dir: self.tree.is_folder(*inode),
            len: self.files.get(inode).map_or(0, |file| file.content.len()),
        };
        Ok(self
            .tree
            .entries(self.tree.get(path)?)?
            .iter()
            .map(entry)
            .collect())
    }

    pub fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let file = self.files.get(&self.tree.get(path)?);
        let modified = file.map_or(WallMs(super::super::clock::WALL_START_MS), |file| file.modified);
        Ok(Metadata {
            is_dir: file.is_none(),
            len: file.map_or(0, |file| file.content.len()),
            modified,
        })
    }

    pub fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.tree.find(path) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_metadata_fault(from)?;
        let inode = self.tree.get(from)?;
        let (source, target) = (self.tree.parent(from)?, self.tree.parent(to)?);
        match self.tree.find(to)? {
            Some(there) if there == inode => return Ok(()),
            Some(there) if self.tree.is_folder(there) => {
                if !self.tree.is_folder(inode) {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                if !self.tree.entries(there)?.is_empty() {
                    return Err(io::ErrorKind::DirectoryNotEmpty.into());
                }
            }
            Some(_) if self.tree.is_folder(inode) => return Err(io::ErrorKind::NotADirectory.into()),
            Some(there) => self.unlink_file(there),
            None => {}
        }
        self.tree
            .rename((source.0, &source.1), (target.0, &target.1), inode);
        if self.tree.is_folder(inode) {
            self.relink();
        } else if let Some(file) = self.files.get_mut(&inode) {
            file.path = to.to_string_lossy().into_owned();
        }
        Ok(())
    }

    pub fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.check_metadata_fault(path)?;
        let inode = self.tree.get(path)?;
        if self.tree.is_folder(inode) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (folder, name) = self.tree.parent(path)?;
        self.unlink_file(inode);
        self.tree.unlink(folder, &name);
        self.on_removal();
        Ok(())
    }

    pub fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.check_metadata_fault(path)?;
        let inode = self.tree.get(path)?;
        let (folder, name) = self.tree.parent(path)?;
        self.empty_folder(inode)?;
        self.tree.unlink(folder, &name);
        self.on_removal();
        Ok(())
    }

    fn empty_folder(&mut self, folder: InodeId) -> io::Result<()> {
        for (name, inode) in self.tree.entries(folder)?.clone() {
            if self.tree.is_folder(inode) {
                self.empty_folder(inode)?;
            } else {
                self.unlink_file(inode);
            }
            self.tree.unlink(folder, &name);
        }
        Ok(())
    }

    fn unlink_file(&mut self, inode: InodeId) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.linked = false;
            if file.handles == 0 {
                self.used -= file.content.len();
            }
        }
    }

    /// Begins a folder's sync: answers what to give to [`FileSystem::end_sync_dir`], and the time it takes.
    pub fn begin_sync_dir(&mut self, path: &Path, now: Nanos) -> io::Result<((InodeId, usize), Duration)> {
        let folder = self.tree.get(path)?;
        self.tree.entries(folder)?;
        let time = self.operation_time(now, 0);
        Ok(((folder, self.tree.journal_len()), time))
    }

    /// Ends a folder's sync. Other syncs may have shortened the journal meanwhile; then this one covers a little more
    /// than it must, which a disk may do.
    pub fn end_sync_dir(&mut self, path: &Path, (folder, journal_len): (InodeId, usize)) -> io::Result<()> {
        self.check_metadata_fault(path)?;
        self.tree.sync(folder, journal_len);
        self.statistics.syncs += 1;
        self.sweep();
        Ok(())
    }

    // --- locks ---

    pub fn lock(&mut self, path: &Path) -> io::Result<String> {
        self.tree.parent(path)?;
        let name = path.to_string_lossy().into_owned();
        if !self.locks.insert(name.clone()) {
            let message = format!(
                "{name} is locked: another process uses this folder; stop it or choose another folder"
            );
            return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
        }
        Ok(name)
    }

    pub fn unlock(&mut self, epoch: u32, name: &str) {
        if epoch == self.epoch {
            self.locks.remove(name);
        }
    }

    // --- files ---

    pub fn open(&mut self, path: &Path, options: OpenOptions, now: WallMs) -> io::Result<InodeId> {
        let inode = match self.tree.find(path)? {
            Some(inode) if self.tree.is_folder(inode) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) if options.create_new => return Err(io::ErrorKind::AlreadyExists.into()),
            Some(inode) => inode,
            None if options.create || options.create_new => self.create(path, now)?,
            None => self.tree.get(path)?,
        };
        if options.truncate {
            self.resize(inode, 0);
        }
        self.files.get_mut(&inode).expect("linked inodes exist").handles += 1;
        Ok(inode)
    }

    fn create(&mut self, path: &Path, now: WallMs) -> io::Result<InodeId> {
        self.check_metadata_fault(path)?;
        let (folder, name) = self.tree.parent(path)?;
        let inode = self.new_inode();
        let path = path.to_string_lossy().into_owned();
        let file = FileInode {
            content: Content::default(),
            path,
            linked: true,
            handles: 0,
            modified: now,
        };
        self.files.insert(inode, file);
        self.tree.link(folder, &name, inode);
        Ok(inode)
    }

    fn new_inode(&mut self) -> InodeId {
        self.next_inode += 1;
        self.next_inode
    }

    pub fn close(&mut self, epoch: u32, inode: InodeId) {
        if epoch != self.epoch {
            return; // the process's end closed it
        }
        let Some(file) = self.files.get_mut(&inode) else {
            return;
        };
        file.handles -= 1;
        if file.handles == 0 && !file.linked {
            self.used -= file.content.len();
            self.on_removal();
        }
    }

    pub fn len(&self, inode: InodeId) -> u64 {
        self.files.get(&inode).map_or(0, |file| file.content.len())
    }

    /// The file behind an open handle.
    pub(super) fn file(&mut self, inode: InodeId) -> &mut FileInode {
        self.files.get_mut(&inode).expect("open files are kept")
    }

    /// For the faults to choose by; not looked up while there are none.
    fn path_of(&self, inode: InodeId) -> String {
        if self.faults.are_none() {
            return String::new();
        }
        self.files
            .get(&inode)
            .map(|file| file.path.clone())
            .unwrap_or_default()
    }

    pub fn write(&mut self, inode: InodeId, offset: u64, bytes: &[u8], now: WallMs) -> io::Result<()> {
        let path = self.path_of(inode);
        let (mut fitting, mut error) = (bytes.len() as u64, None);
        if self.meets(DiskFault::WriteError, &path) {
            fitting = self.dice.faults.below(fitting + 1);
            error = Some(eio());
        } else if self.meets(DiskFault::NoSpace, &path) {
            fitting = self.dice.faults.below(fitting + 1);
            error = Some(io::ErrorKind::StorageFull.into());
        }
        let len = self.len(inode);
        let growth = (offset + fitting).saturating_sub(len);
        let room = self.capacity.saturating_sub(self.used);
        if growth > room {
            fitting = (len + room).saturating_sub(offset).min(fitting);
            if error.is_none() {
                let path = self.file(inode).path.clone();
                self.note_error(DiskFault::NoSpace, &path);
            }
            error = Some(io::ErrorKind::StorageFull.into());
        }
        let file = self.file(inode);
        file.content.write(offset, &bytes[..fitting as usize]);
        file.modified = now;
        self.used += self.len(inode) - len;
        self.statistics.writes += 1;
        self.statistics.written_bytes += fitting;
        error.map_or(Ok(()), Err)
    }

    pub fn set_len(&mut self, inode: InodeId, len: u64, now: WallMs) -> io::Result<()> {
        let path = self.path_of(inode);
        if self.meets(DiskFault::WriteError, &path) {
            return Err(eio());
        }
        self.resize(inode, len);
        self.file(inode).modified = now;
        Ok(())
    }

    fn resize(&mut self, inode: InodeId, len: u64) {
        let file = self.file(inode);
        let before = file.content.len();
        file.content.set_len(len);
        self.used = self.used + len - before;
    }

    pub fn read(&mut self, inode: InodeId, offset: u64, len: usize) -> io::Result<&[u8]> {
        let path = self.path_of(inode);
        if self.meets(DiskFault::ReadError, &path) {
            return Err(eio());
        }
        let bytes = self.file(inode).content.bytes();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[start..bytes.len().min(start.saturating_add(len))])
    }

    /// Begins a sync: answers its number, and the time it takes.
    pub fn begin_sync(&mut self, inode: InodeId, now: Nanos) -> (u64, Duration) {
        self.next_sync += 1;
        let number = self.next_sync;
        let content = &mut self.file(inode).content;
        content.seal(number);
        let bytes = content.dirty_bytes();
        (number, self.sync_time(now, bytes))
    }

    pub fn end_sync(&mut self, inode: InodeId, number: u64, now: Duration) -> io::Result<()> {
        let path = self.path_of(inode);
        self.statistics.syncs += 1;
        for (fault, error) in [
            (DiskFault::SyncError, eio()),
            (DiskFault::SyncNoSpace, io::ErrorKind::StorageFull.into()),
        ] {
            if self.meets(fault, &path) {
                let dice = &mut self.dice.damage;
                let revert = dice.chance(0.5);
                let content = &mut self.files.get_mut(&inode).expect("open files are kept").content;
                self.statistics.sectors_dropped += content.drop_pages(number, revert, dice);
                return Err(error);
            }
        }
        if self.meets(DiskFault::MisdirectedWrite, &path) {
            self.misdirect(inode, number, now);
        }
        self.file(inode).content.settle(number);
        Ok(())
    }

    // --- for the checker ---

    pub fn files(&self) -> Vec<(String, u64)> {
        self.tree
            .files()
            .into_iter()
            .map(|(path, inode)| (path, self.len(inode)))
            .collect()
    }

    pub fn content(&self, path: &str, durable: bool) -> Option<Vec<u8>> {
        let inode = self.tree.find(Path::new(path)).ok().flatten()?;
        let content = &self.files.get(&inode)?.content;
        Some(if durable {
            content.durable()
        } else {
            content.bytes().to_vec()
        })
    }
}

fn eio() -> io::Error {
    const EIO: i32 = 5;
    io::Error::from_raw_os_error(EIO)
}
