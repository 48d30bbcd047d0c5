//! Silent damage: rot, and writes that went to another place; and the notes by which a checker knows of it.

use super::content::SECTOR;
use super::faults::{Damage, DamageKind};
use super::fs::{FileInode, FileSystem};
use super::tree::InodeId;
use std::path::Path;
use std::time::Duration;

/// A noted damage and how to tell whether it still stands.
pub struct Noted {
    damage: Damage,
    inode: InodeId,
    sector: u64,
    bytes: [u8; SECTOR],
}

impl FileSystem {
    /// Sends one of the sync's sectors to another place: a clean sector of this or another file.
    pub(super) fn misdirect(&mut self, inode: InodeId, number: u64, now: Duration) {
        let content = &self.files[&inode].content;
        let Some((sector, old)) = content.pick_sealed(number, &mut self.dice.damage) else {
            return;
        };
        let bytes = content.sector(sector);
        if bytes == old {
            return;
        }
        let Some((target, there)) = self.pick_clean("", Some((inode, sector))) else {
            return;
        };
        self.file(inode).content.settle(number);
        self.note(DamageKind::LostToMisdirection, inode, sector, old, now);
        self.note(DamageKind::Misdirected, target, there, bytes, now);
    }

    /// Lets a sector of a matching file decay: the one at the offset, or one that the dice choose.
    pub fn rot(&mut self, containing: &str, offset: Option<u64>, now: Duration) -> Option<Damage> {
        let (inode, sector) = match offset {
            None => self.pick_clean(containing, None)?,
            Some(offset) => {
                let inode = self.tree.find(Path::new(containing)).ok().flatten()?;
                let sector = offset / SECTOR as u64;
                self.files
                    .get(&inode)?
                    .content
                    .is_clean(sector)
                    .then_some((inode, sector))?
            }
        };
        let content = &self.files[&inode].content;
        let mut bytes = content.sector(sector);
        let whole = self.dice.damage.chance(0.5);
        let there = (content.len() - sector * SECTOR as u64).min(SECTOR as u64);
        if whole {
            self.dice.damage.fill(&mut bytes);
        } else {
            let bit = self.dice.damage.below(there * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        Some(self.note(DamageKind::Rot, inode, sector, bytes, now))
    }

    /// A clean sector of a linked file, by the dice; files count by their size.
    fn pick_clean(&mut self, containing: &str, except: Option<(InodeId, u64)>) -> Option<(InodeId, u64)> {
        let only = self.faults.only.clone().unwrap_or_default();
        let fits =
            |file: &FileInode| file.linked && file.path.contains(containing) && file.path.contains(&only);
        let sectors = |file: &FileInode| file.content.len().div_ceil(SECTOR as u64);
        let total: u64 = self.files.values().filter(|file| fits(file)).map(sectors).sum();
        for _ in 0..16 {
            let mut index = self.dice.damage.below(total);
            for (inode, file) in self.files.iter().filter(|(_, file)| fits(file)) {
                if index < sectors(file) {
                    if file.content.is_clean(index) && except != Some((*inode, index)) {
                        return Some((*inode, index));
                    }
                    break;
                }
                index -= sectors(file);
            }
        }
        None
    }

    fn note(
        &mut self,
        kind: DamageKind,
        inode: InodeId,
        sector: u64,
        bytes: [u8; SECTOR],
        now: Duration,
    ) -> Damage {
        let node = self.node;
        let file = self.files.get_mut(&inode).expect("picked from the files");
        let did = file.content.damage(sector, &bytes);
        debug_assert!(did, "only clean sectors are picked");
        let offset = sector * SECTOR as u64;
        let len = (file.content.len() - offset).min(SECTOR as u64);
        let damage = Damage {
            node,
            kind,
            path: file.path.clone(),
            offset,
            len,
            at: now,
            live: true,
        };
        // What lies beyond the end of the file is not there to compare.
        let bytes = file.content.sector(sector);
        self.noted.push(Noted {
            damage: damage.clone(),
            inode,
            sector,
            bytes,
        });
        damage
    }

    pub fn damages(&self) -> Vec<Damage> {
        let current = |noted: &Noted| {
            let mut damage = noted.damage.clone();
            let file = self.files.get(&noted.inode).filter(|file| file.linked);
            let prefix = damage.len as usize;
            damage.live = file.is_some_and(|file| {
                noted.damage.offset + noted.damage.len <= file.content.len()
                    && file.content.sector(noted.sector)[..prefix] == noted.bytes[..prefix]
            });
            if let Some(file) = file {
                damage.path = file.path.clone();
            }
            damage
        };
        self.noted.iter().map(current).collect()
    }
}
