//! Folders, and the journal of changes to them that no folder's sync has made durable yet.

use super::super::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

/// A file or folder, whatever its names are.
pub type InodeId = u64;

pub const ROOT: InodeId = 1;

/// One folder: its entries as programs see them, and as the disk has them.
#[derive(Default, Clone)]
pub struct Folder {
    entries: BTreeMap<String, InodeId>,
    durable: BTreeMap<String, InodeId>,
}

/// Changes that stand or fall together: one for a create or removal, two for a rename.
struct Transaction(Vec<Edit>);

#[derive(Clone)]
struct Edit {
    folder: InodeId,
    name: String,
    /// What the name means afterwards; nothing after a removal.
    inode: Option<InodeId>,
}

/// All folders of a file system.
pub struct Tree {
    folders: BTreeMap<InodeId, Folder>,
    journal: Vec<Transaction>,
}

impl Tree {
    pub fn new() -> Tree {
        Tree {
            folders: BTreeMap::from([(ROOT, Folder::default())]),
            journal: Vec::new(),
        }
    }

    pub fn is_folder(&self, inode: InodeId) -> bool {
        self.folders.contains_key(&inode)
    }

    pub fn entries(&self, folder: InodeId) -> io::Result<&BTreeMap<String, InodeId>> {
        Ok(&self
            .folders
            .get(&folder)
            .ok_or(io::ErrorKind::NotADirectory)?
            .entries)
    }

    /// What the path leads to, if anything.
    pub fn find(&self, path: &Path) -> io::Result<Option<InodeId>> {
        let mut at = ROOT;
        for name in names(path)? {
            match self.entries(at)?.get(&name) {
                Some(inode) => at = *inode,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    pub fn get(&self, path: &Path) -> io::Result<InodeId> {
        self.find(path)?.ok_or_else(|| not_found(path))
    }

    /// The folder in which the path's last name stands, and that name.
    pub fn parent(&self, path: &Path) -> io::Result<(InodeId, String)> {
        let mut parts = names(path)?;
        let name = parts.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let mut at = ROOT;
        for part in parts {
            at = *self.entries(at)?.get(&part).ok_or_else(|| not_found(path))?;
        }
        self.entries(at)?;
        Ok((at, name))
    }

    pub fn link(&mut self, folder: InodeId, name: &str, inode: InodeId) {
        self.apply(vec![Edit {
            folder,
            name: name.into(),
            inode: Some(inode),
        }]);
    }

    pub fn link_folder(&mut self, folder: InodeId, name: &str, inode: InodeId) {
        self.folders.insert(inode, Folder::default());
        self.link(folder, name, inode);
    }

    pub fn unlink(&mut self, folder: InodeId, name: &str) {
        self.apply(vec![Edit {
            folder,
            name: name.into(),
            inode: None,
        }]);
    }

    pub fn rename(&mut self, from: (InodeId, &str), to: (InodeId, &str), inode: InodeId) {
        self.apply(vec![
            Edit {
                folder: from.0,
                name: from.1.into(),
                inode: None,
            },
            Edit {
                folder: to.0,
                name: to.1.into(),
                inode: Some(inode),
            },
        ]);
    }

    fn apply(&mut self, edits: Vec<Edit>) {
        for edit in &edits {
            let folder = self.folders.get_mut(&edit.folder).expect("callers looked it up");
            edit_entries(&mut folder.entries, edit);
        }
        self.journal.push(Transaction(edits));
    }

    /// How many changes have been journalled so far and not synced: a folder's sync covers those.
    pub fn journal_len(&self) -> usize {
        self.journal.len()
    }

    /// Makes durable what changed in a folder before the journal had this length. A rename between two folders becomes
    /// durable whole, by the sync of either.
    pub fn sync(&mut self, folder: InodeId, journal_len: usize) {
        let journal = std::mem::take(&mut self.journal);
        let mut synced = Vec::new();
        for (index, transaction) in journal.into_iter().enumerate() {
            if index < journal_len && transaction.0.iter().any(|edit| edit.folder == folder) {
                // What an earlier change wanted of the same name is history.
                for edit in &transaction.0 {
                    self.journal.iter_mut().for_each(|earlier| earlier.forget(edit));
                }
                synced.extend(transaction.0);
            } else {
                self.journal.push(transaction);
            }
        }
        self.journal.retain(|transaction| !transaction.0.is_empty());
        self.make_durable(&synced);
    }

    pub fn sync_everything(&mut self) {
        let all: Vec<_> = std::mem::take(&mut self.journal)
            .into_iter()
            .flat_map(|transaction| transaction.0)
            .collect();
        self.make_durable(&all);
    }

    /// The power goes: the journal reaches the disk up to some point, or (a disk may promise less) each change does or
    /// does not. Answers how many were lost.
    pub fn lose_power(&mut self, dice: &mut Dice) -> u64 {
        let journal = std::mem::take(&mut self.journal);
        let in_order = dice.chance(0.5);
        let point = dice.below(journal.len() as u64 + 1);
        let mut lost = 0;
        for (index, transaction) in journal.into_iter().enumerate() {
            let kept = if in_order {
                (index as u64) < point
            } else {
                dice.chance(0.5)
            };
            if kept {
                self.make_durable(&transaction.0);
            } else {
                lost += 1;
            }
        }
        self.folders
            .values_mut()
            .for_each(|folder| folder.entries = folder.durable.clone());
        lost
    }

    fn make_durable(&mut self, edits: &[Edit]) {
        for edit in edits {
            if let Some(folder) = self.folders.get_mut(&edit.folder) {
                edit_entries(&mut folder.durable, edit);
            }
        }
    }

    /// Every inode that has, or may again have, a name. Folders without one are forgotten.
    pub fn sweep(&mut self) -> BTreeSet<InodeId> {
        let mut named = BTreeSet::from([ROOT]);
        let journalled = self
            .journal
            .iter()
            .flat_map(|transaction| &transaction.0)
            .filter_map(|edit| edit.inode);
        let mut visit: Vec<InodeId> = journalled.chain([ROOT]).collect();
        while let Some(inode) = visit.pop() {
            named.insert(inode);
            let Some(folder) = self.folders.get(&inode) else {
                continue;
            };
            let children = folder.entries.values().chain(folder.durable.values());
            visit.extend(children.filter(|child| !named.contains(child)));
        }
        self.folders.retain(|inode, _| named.contains(inode));
        named
    }

    /// Every file with its path, as programs see them.
    pub fn files(&self) -> Vec<(String, InodeId)> {
        let mut found = Vec::new();
        let mut visit = vec![(String::new(), ROOT)];
        while let Some((path, inode)) = visit.pop() {
            match self.folders.get(&inode) {
                Some(folder) => visit.extend(
                    folder
                        .entries
                        .iter()
                        .map(|(name, child)| (format!("{path}/{name}"), *child)),
                ),
                None => found.push((path, inode)),
            }
        }
        found.sort();
        found
    }
}

impl Transaction {
    fn forget(&mut self, edit: &Edit) {
        self.0
            .retain(|earlier| earlier.folder != edit.folder || earlier.name != edit.name);
    }
}

fn edit_entries(entries: &mut BTreeMap<String, InodeId>, edit: &Edit) {
    match edit.inode {
        Some(inode) => entries.insert(edit.name.clone(), inode),
        None => entries.remove(&edit.name),
    };
}

/// The path's names from the root; relative paths begin there too.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_string())
            }
            Component::ParentDir => {
                names.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(names)
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("{}: no such file or folder", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each name of each folder, what it may mean after a power loss: what it meant at the folder's last sync, or
    /// anything since.
    type Possible = BTreeMap<(InodeId, String), BTreeSet<Option<InodeId>>>;

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    fn meaning(tree: &Tree, folder: InodeId, name: &str) -> Option<InodeId> {
        tree.entries(folder).expect("it is there").get(name).copied()
    }

    fn note(possible: &mut Possible, tree: &Tree, folder: InodeId) {
        for name in NAMES {
            let now = meaning(tree, folder, name);
            possible.entry((folder, name.into())).or_default().insert(now);
        }
    }

    fn step(tree: &mut Tree, dice: &mut Dice, folders: &[InodeId], next: &mut InodeId) {
        let mut pick = || (folders[dice.below(2) as usize], NAMES[dice.below(4) as usize]);
        let (one, other) = (pick(), pick());
        match (dice.below(3), meaning(tree, one.0, one.1)) {
            (0, None) => {
                *next += 1;
                tree.link(one.0, one.1, *next);
            }
            (1, Some(_)) => tree.unlink(one.0, one.1),
            (2, Some(inode)) if one != other => tree.rename(one, other, inode),
            _ => {}
        }
    }

    #[test]
    fn after_any_history_a_name_means_what_it_meant_at_the_last_sync_or_since() {
        for seed in 0..300 {
            let mut dice = Dice::new(seed, "test", 0);
            let (mut tree, mut possible, mut next) = (Tree::new(), Possible::new(), 100);
            tree.link_folder(ROOT, "folder", 2);
            tree.sync(ROOT, tree.journal_len());
            let folders = [ROOT, 2];
            folders
                .iter()
                .for_each(|folder| note(&mut possible, &tree, *folder));
            for _ in 0..dice.below(40) {
                step(&mut tree, &mut dice, &folders, &mut next);
                folders
                    .iter()
                    .for_each(|folder| note(&mut possible, &tree, *folder));
                if dice.chance(0.15) {
                    let folder = folders[dice.below(2) as usize];
                    tree.sync(folder, tree.journal_len());
                    possible.retain(|(of, _), _| *of != folder);
                    note(&mut possible, &tree, folder);
                }
            }
            tree.lose_power(&mut dice);
            for ((folder, name), meanings) in &possible {
                let after = meaning(&tree, *folder, name);
                assert!(
                    meanings.contains(&after),
                    "seed {seed}: {folder}/{name} is {after:?}, not one of {meanings:?}"
                );
            }
        }
    }
}
