//! Names of partition folders and of the files in them.

use std::fmt;

pub(crate) const LEADER_EPOCH_CHECKPOINT: &str = "leader-epoch-checkpoint";
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";
pub(crate) const DELETED_SUFFIX: &str = ".deleted";
pub(crate) const DELETE_FOLDER_SUFFIX: &str = "-delete";

/// Kafka's bound on a folder name that carries a suffix.
const FOLDER_NAME_MAX: usize = 255;

/// One partition of a topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<String>, partition: i32) -> TopicPartition {
        TopicPartition {
            topic: topic.into(),
            partition,
        }
    }

    /// The partition that a folder of this name holds, unless the name is no partition's.
    pub fn of_folder(name: &str) -> Option<TopicPartition> {
        if name.ends_with(DELETE_FOLDER_SUFFIX) || name.ends_with("-future") || name.ends_with("-stray") {
            return None;
        }
        let (topic, partition) = name.rsplit_once('-')?;
        let is_number = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
        if topic.is_empty() || !is_number {
            return None;
        }
        Some(TopicPartition::new(topic, partition.parse().ok()?))
    }

    /// `<topic>-<partition>.<32 hex digits>-delete`, the topic shortened where the whole grows too long.
    pub(crate) fn delete_folder(&self, unique: u128) -> String {
        let suffix = format!("-{}.{unique:032x}{DELETE_FOLDER_SUFFIX}", self.partition);
        let room = FOLDER_NAME_MAX - suffix.len();
        let topic: String = self.topic.chars().take(room).collect();
        topic + &suffix
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// The files that are named after an offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SegmentFile {
    Log,
    Index,
    TimeIndex,
    TransactionIndex,
    Snapshot,
}

impl SegmentFile {
    pub const fn suffix(self) -> &'static str {
        match self {
            SegmentFile::Log => ".log",
            SegmentFile::Index => ".index",
            SegmentFile::TimeIndex => ".timeindex",
            SegmentFile::TransactionIndex => ".txnindex",
            SegmentFile::Snapshot => ".snapshot",
        }
    }

    pub fn name(self, offset: i64) -> String {
        format!("{offset:020}{}", self.suffix())
    }
}

/// What a file of this name is: its kind and its offset.
pub fn segment_file_of(name: &str) -> Option<(SegmentFile, i64)> {
    let (digits, _) = name.split_once('.')?;
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kind = match &name[20..] {
        ".log" => SegmentFile::Log,
        ".index" => SegmentFile::Index,
        ".timeindex" => SegmentFile::TimeIndex,
        ".txnindex" => SegmentFile::TransactionIndex,
        ".snapshot" => SegmentFile::Snapshot,
        _ => return None,
    };
    Some((kind, digits.parse().ok()?))
}

/// Whether a file of this name is left over from an interrupted write or deletion and may go.
pub(crate) fn is_leftover(name: &str) -> bool {
    [DELETED_SUFFIX, ".tmp", ".cleaned", ".swap"]
        .iter()
        .any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_are_named_as_kafka_names_them() {
        let check = |name: &str, wanted: Option<(&str, i32)>| {
            let found = TopicPartition::of_folder(name);
            assert_eq!(found, wanted.map(|(t, p)| TopicPartition::new(t, p)), "{name}");
        };
        check("a-b-12", Some(("a-b", 12)));
        check("__cluster_metadata-0", Some(("__cluster_metadata", 0)));
        check("t-x", None);
        check("-1", None);
        check("t-99999999999", None);
        check("t-0.abc-delete", None);
        assert_eq!(TopicPartition::new("t", 3).to_string(), "t-3");
        assert_eq!(SegmentFile::Log.name(42), "00000000000000000042.log");
        assert_eq!(
            segment_file_of("00000000000000000042.timeindex"),
            Some((SegmentFile::TimeIndex, 42))
        );
        assert_eq!(segment_file_of("42.log"), None);
        assert_eq!(segment_file_of("00000000000000000042.log.deleted"), None);
        let long = TopicPartition::new("x".repeat(249), 7).delete_folder(5);
        assert_eq!(long.len(), FOLDER_NAME_MAX);
        assert!(long.ends_with(".00000000000000000000000000000005-delete"));
    }
}
