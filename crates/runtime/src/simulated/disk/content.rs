//! A file's bytes in three layers: what programs read, what is on its way, what the disk would still hold.
//!
//! Only the newest bytes are kept whole; each layer remembers the old bytes of the sectors that changed since:
//!
//! ```text
//!   data       what reads see (the page cache)
//!   layers     newest: changed since the last sync began; older: changed before a sync that is still under way
//!   phantoms   sectors that a failed sync dropped: clean in the cache, never written
//! ```
//!
//! Invariants:
//! 1. A sector's durable bytes are: the phantom's old ones, else those of the oldest layer that has it, else `data`'s.
//! 2. A layer holds old bytes only of sectors that begin before its `len`; later ones were nothing when it began.
//! 3. Phantoms lie inside the file.

use super::super::dice::Dice;
use super::faults::PowerLoss;
use std::collections::{BTreeMap, BTreeSet};

/// What a device writes as one.
pub const SECTOR: usize = 512;

type Sector = Box<[u8; SECTOR]>;

/// One file's content.
#[derive(Default)]
pub struct Content {
    data: Vec<u8>,
    layers: Vec<Layer>,
    phantoms: BTreeMap<u64, Sector>,
}

/// What changed between the begin of one sync and the begin of the next.
struct Layer {
    /// The sync that began after these changes; none while it still takes changes.
    sealed: Option<u64>,
    /// The file's length when the layer began.
    len: u64,
    /// How far the file reached at most while the layer took changes.
    reach: u64,
    old: BTreeMap<u64, Sector>,
}

/// What a power loss did to a file's unsynced sectors.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Toll {
    pub kept: u64,
    pub lost: u64,
    pub torn: u64,
}

impl Content {
    pub fn len(&self) -> u64 {
        self.data.len() as u64
    }

    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The bytes that a sync would have to write now.
    pub fn dirty_bytes(&self) -> u64 {
        let sectors: usize = self.layers.iter().map(|layer| layer.sectors().count()).sum();
        (sectors * SECTOR) as u64
    }

    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        let from = offset.min(self.len());
        self.save(from, end);
        if self.len() < end {
            self.data.resize(end as usize, 0);
        }
        self.data[offset as usize..end as usize].copy_from_slice(bytes);
    }

    pub fn set_len(&mut self, len: u64) {
        let (low, high) = (len.min(self.len()), len.max(self.len()));
        if low == high {
            return;
        }
        self.save(low, high);
        self.data.resize(len as usize, 0);
    }

    /// Notes the old bytes of the range's sectors before it changes.
    fn save(&mut self, from: u64, to: u64) {
        if self.layers.last().is_none_or(|layer| layer.sealed.is_some()) {
            self.layers.push(Layer {
                sealed: None,
                len: self.len(),
                reach: self.len(),
                old: BTreeMap::new(),
            });
        }
        let layer = self.layers.last_mut().expect("just pushed");
        layer.reach = layer.reach.max(to);
        let last = to.min(layer.len.next_multiple_of(SECTOR as u64));
        for sector in sectors_of(from, last) {
            // A dropped page is dirty again now, and what lies beneath it is what the disk holds.
            let beneath = self.phantoms.remove(&sector);
            let data = &self.data;
            layer
                .old
                .entry(sector)
                .or_insert_with(|| beneath.unwrap_or_else(|| sector_of(data, sector)));
        }
    }

    /// Marks what was written so far as what sync `number` will make durable.
    pub fn seal(&mut self, number: u64) {
        if let Some(layer) = self.layers.last_mut() {
            layer.sealed.get_or_insert(number);
        }
    }

    /// The sync succeeded: what was sealed for it, or before, is durable.
    pub fn settle(&mut self, number: u64) {
        self.layers
            .retain(|layer| layer.sealed.is_none_or(|sealed| sealed > number));
    }

    /// The sync failed: some of its pages are dropped, the others were written. With `revert` the cache forgets the
    /// dropped ones at once, else it shows them until [`Content::forget_phantoms`]. Answers how many sectors.
    pub fn drop_pages(&mut self, number: u64, revert: bool, dice: &mut Dice) -> u64 {
        let share = [1.0, 0.5, 0.1][dice.below(3) as usize];
        let mut dirty = BTreeMap::new();
        let there = sectors_of(0, self.len());
        for layer in self
            .layers
            .iter()
            .filter(|layer| layer.sealed.is_some_and(|sealed| sealed <= number))
        {
            for sector in layer.sectors().filter(|sector| there.contains(sector)) {
                dirty.entry(sector).or_insert_with(|| layer.old_of(sector));
            }
        }
        let spared = dice.below(dirty.len() as u64); // at least one is dropped
        self.settle(number);
        let mut dropped = 0;
        for (index, (sector, old)) in dirty.into_iter().enumerate() {
            if index as u64 != spared && !dice.chance(share) {
                continue;
            }
            dropped += 1;
            // Written again since: then the newer layer must not take the dropped bytes for durable ones.
            if let Some(newer) = self.layers.iter_mut().find(|layer| layer.has(sector)) {
                if (sector * SECTOR as u64) < newer.len {
                    newer.old.insert(sector, old);
                }
            } else {
                self.phantoms.entry(sector).or_insert(old);
            }
        }
        if revert {
            self.forget_phantoms();
        }
        dropped
    }

    /// The page cache lets go of clean pages: those that were dropped now read as the disk has them.
    pub fn forget_phantoms(&mut self) {
        for (sector, old) in std::mem::take(&mut self.phantoms) {
            put_sector(&mut self.data, sector, &old);
        }
    }

    /// Overwrites a clean sector in cache and on disk, as decay or a misdirected write does. False when the sector
    /// is not clean and whole in the file.
    pub fn damage(&mut self, sector: u64, bytes: &[u8; SECTOR]) -> bool {
        if !self.is_clean(sector) {
            return false;
        }
        put_sector(&mut self.data, sector, bytes);
        true
    }

    pub fn is_clean(&self, sector: u64) -> bool {
        let there = sector * (SECTOR as u64) < self.len();
        there && !self.phantoms.contains_key(&sector) && !self.layers.iter().any(|layer| layer.has(sector))
    }

    /// A sector that the sync is about to write, with what the disk holds in its place.
    pub fn pick_sealed(&self, number: u64, dice: &mut Dice) -> Option<(u64, [u8; SECTOR])> {
        let layer = self
            .layers
            .iter()
            .find(|layer| layer.sealed.is_some_and(|sealed| sealed <= number))?;
        let newer = |sector| {
            self.layers
                .iter()
                .any(|layer| layer.sealed.is_none_or(|s| s > number) && layer.has(sector))
        };
        let there = |sector: &u64| sector * (SECTOR as u64) < self.len() && !newer(*sector);
        let sectors: Vec<_> = layer.sectors().filter(there).collect();
        if sectors.is_empty() {
            return None;
        }
        let sector = sectors[dice.below(sectors.len() as u64) as usize];
        Some((sector, *layer.old_of(sector)))
    }

    pub fn sector(&self, sector: u64) -> [u8; SECTOR] {
        *sector_of(&self.data, sector)
    }

    /// The content as the disk has it if nothing unsynced is kept.
    pub fn durable(&self) -> Vec<u8> {
        let mut data = self.data.clone();
        let mut len = data.len();
        for layer in self.layers.iter().rev() {
            len = layer.len as usize;
            data.resize(data.len().max(len), 0);
            for (sector, old) in &layer.old {
                put_sector(&mut data, *sector, old);
            }
            data.truncate(len);
        }
        data.resize(len, 0);
        for (sector, old) in &self.phantoms {
            put_sector(&mut data, *sector, old);
        }
        data
    }

    /// The power goes: of each unsynced sector the new bytes, the old ones, or some of both are there afterwards.
    pub fn lose_power(&mut self, odds: PowerLoss, dice: &mut Dice) -> Toll {
        let mut toll = Toll::default();
        if let Some(oldest) = self.layers.first().map(|layer| layer.len) {
            let keep = odds.keep.unwrap_or_else(|| match dice.below(4) {
                0 => 0.0,
                1 => 1.0,
                _ => dice.unit(),
            });
            let torn = odds.torn;
            let len = self.crash_len(oldest, dice);
            let reach = self
                .layers
                .iter()
                .map(|layer| layer.reach.max(layer.len))
                .max()
                .unwrap_or(0);
            self.data.resize(reach.max(self.len()) as usize, 0);
            for layer in std::mem::take(&mut self.layers).into_iter().rev() {
                for sector in layer.sectors() {
                    decide(
                        &mut self.data,
                        sector,
                        &layer.old_of(sector),
                        keep,
                        torn,
                        dice,
                        &mut toll,
                    );
                }
            }
            self.data.truncate(len as usize);
        }
        self.forget_phantoms();
        toll
    }

    /// The length after a power loss: the old one, the new one, or one that was on the way.
    fn crash_len(&self, oldest: u64, dice: &mut Dice) -> u64 {
        let new = self.len();
        match dice.below(4) {
            0 => oldest,
            1 if new > oldest => dice.between(oldest..=new),
            2 => self.layers[dice.below(self.layers.len() as u64) as usize].len,
            _ => new,
        }
    }
}

impl Layer {
    fn has(&self, sector: u64) -> bool {
        self.old.contains_key(&sector) || self.appended().contains(&sector)
    }

    fn appended(&self) -> std::ops::Range<u64> {
        sectors_of(self.len.next_multiple_of(SECTOR as u64), self.reach)
    }

    fn sectors(&self) -> impl Iterator<Item = u64> {
        let changed: BTreeSet<u64> = self.old.keys().copied().collect();
        changed.into_iter().chain(self.appended())
    }

    fn old_of(&self, sector: u64) -> Sector {
        self.old
            .get(&sector)
            .cloned()
            .unwrap_or_else(|| Box::new([0; SECTOR]))
    }
}

fn sectors_of(from: u64, to: u64) -> std::ops::Range<u64> {
    let size = SECTOR as u64;
    if from >= to {
        0..0
    } else {
        from / size..to.div_ceil(size)
    }
}

fn sector_of(data: &[u8], sector: u64) -> Sector {
    let mut bytes = Box::new([0; SECTOR]);
    let start = (sector as usize * SECTOR).min(data.len());
    let there = &data[start..data.len().min(start + SECTOR)];
    bytes[..there.len()].copy_from_slice(there);
    bytes
}

/// Writes what of the sector lies inside the data.
fn put_sector(data: &mut [u8], sector: u64, bytes: &[u8; SECTOR]) {
    let start = (sector as usize * SECTOR).min(data.len());
    let end = data.len().min(start + SECTOR);
    data[start..end].copy_from_slice(&bytes[..end - start]);
}

fn decide(
    data: &mut [u8],
    sector: u64,
    old: &[u8; SECTOR],
    keep: f64,
    torn: f64,
    dice: &mut Dice,
    toll: &mut Toll,
) {
    if dice.chance(torn) {
        let mut bytes = *sector_of(data, sector);
        let cut = dice.below(SECTOR as u64) as usize;
        // Usually the head was written; now and then the tail.
        if dice.chance(0.75) {
            bytes[cut..].copy_from_slice(&old[cut..])
        } else {
            bytes[..cut].copy_from_slice(&old[..cut])
        }
        put_sector(data, sector, &bytes);
        toll.torn += 1;
    } else if dice.chance(keep) {
        toll.kept += 1;
    } else {
        put_sector(data, sector, old);
        toll.lost += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a byte may be after a power loss: its value at the last completed sync, or any since.
    #[derive(Clone, Default)]
    struct Byte(BTreeSet<u8>);

    /// The contract, kept as sets of possibilities.
    struct Model {
        now: Vec<u8>,
        possible: Vec<Byte>,
        lens: BTreeSet<usize>,
        syncing: Option<Syncing>,
    }

    /// What will be possible once the sync that is under way completes.
    struct Syncing {
        number: u64,
        possible: Vec<Byte>,
        lens: BTreeSet<usize>,
    }

    impl Model {
        fn new() -> Model {
            Model {
                now: Vec::new(),
                possible: Vec::new(),
                lens: BTreeSet::from([0]),
                syncing: None,
            }
        }

        fn note(&mut self) {
            let value = |now: &[u8], index: usize| now.get(index).copied().unwrap_or(0);
            let size = self.now.len().max(self.possible.len());
            self.possible.resize(size, Byte(BTreeSet::from([0])));
            for (index, byte) in self.possible.iter_mut().enumerate() {
                byte.0.insert(value(&self.now, index));
            }
            self.lens.insert(self.now.len());
            if let Some(Syncing { possible, lens, .. }) = &mut self.syncing {
                possible.resize(size, Byte(BTreeSet::from([0])));
                for (index, byte) in possible.iter_mut().enumerate() {
                    byte.0.insert(value(&self.now, index));
                }
                lens.insert(self.now.len());
            }
        }

        fn begin_sync(&mut self, number: u64) {
            let possible = self
                .now
                .iter()
                .map(|byte| Byte(BTreeSet::from([*byte])))
                .collect();
            self.syncing = Some(Syncing {
                number,
                possible,
                lens: BTreeSet::from([self.now.len()]),
            });
        }

        fn end_sync(&mut self) -> Option<u64> {
            let Syncing {
                number,
                possible,
                lens,
            } = self.syncing.take()?;
            (self.possible, self.lens) = (possible, lens);
            Some(number)
        }

        fn check(&self, after: &[u8]) {
            let (low, high) = (
                self.lens.first().expect("never empty"),
                self.lens.last().expect("never empty"),
            );
            assert!(
                (*low..=*high).contains(&after.len()),
                "length {} not in {low}..={high}",
                after.len()
            );
            for (index, byte) in after.iter().enumerate() {
                let possible = &self.possible[index].0;
                assert!(
                    possible.contains(byte),
                    "byte {index} is {byte}, not one of {possible:?}"
                );
            }
        }
    }

    #[test]
    fn a_power_loss_leaves_what_the_contract_permits_after_any_history() {
        for seed in 0..120 {
            let mut dice = Dice::new(seed, "test", 0);
            let (mut content, mut model, mut number) = (Content::default(), Model::new(), 0);
            for step in 0..dice.below(60) {
                match dice.below(10) {
                    0..=5 => {
                        let appending = dice.chance(0.6);
                        let offset = if appending {
                            content.len()
                        } else {
                            dice.below(content.len() + 600)
                        };
                        let bytes = vec![step as u8 + 1; dice.below(1500) as usize];
                        content.write(offset, &bytes);
                        if !bytes.is_empty() {
                            let end = offset as usize + bytes.len();
                            model.now.resize(model.now.len().max(end), 0);
                            model.now[offset as usize..end].copy_from_slice(&bytes);
                        }
                        model.note();
                    }
                    6 => {
                        let len = dice.below(content.len() + 300);
                        content.set_len(len);
                        model.now.resize(len as usize, 0);
                        model.note();
                    }
                    7 if model.syncing.is_none() => {
                        number += 1;
                        content.seal(number);
                        model.begin_sync(number);
                    }
                    _ => {
                        if let Some(number) = model.end_sync() {
                            content.settle(number);
                        }
                    }
                }
                assert_eq!(content.bytes(), model.now, "seed {seed}");
                model.check(&content.durable());
            }
            content.lose_power(
                PowerLoss {
                    torn: 0.2,
                    ..PowerLoss::default()
                },
                &mut dice,
            );
            model.check(content.bytes());
            assert!(content.layers.is_empty() && content.phantoms.is_empty());
        }
    }

    #[test]
    fn without_anything_unsynced_a_power_loss_changes_nothing() {
        let mut dice = Dice::new(1, "test", 0);
        let mut content = Content::default();
        content.write(0, &[1; 3000]);
        content.set_len(2000);
        content.seal(1);
        content.settle(1);
        assert_eq!(
            content.lose_power(
                PowerLoss {
                    keep: Some(0.0),
                    torn: 1.0
                },
                &mut dice
            ),
            Toll::default()
        );
        assert_eq!(content.bytes(), [1; 2000]);
    }
}
