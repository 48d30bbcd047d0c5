//! Which partition a record goes to: by its key's hash, or, without a key, to one partition for a while and then to
//! another (KIP-480, KIP-794), so that batches fill.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::murmur2::murmur2;

/// The partition of a key: Kafka's default, the same in Java and librdkafka (`murmur2_random`).
///
/// # Panics
/// When `partition_count` is not positive.
pub fn partition_for_key(key: &[u8], partition_count: i32) -> i32 {
    assert!(partition_count > 0, "a topic has partitions");
    (murmur2(key) & i32::MAX) % partition_count
}

/// Keeps, for each topic, the partition that keyless records go to now.
#[derive(Debug, Default)]
pub(super) struct StickyPartitioner {
    topics: BTreeMap<Arc<str>, Sticky>,
}

#[derive(Debug)]
struct Sticky {
    partition: i32,
    /// Bytes given to it since it was chosen.
    bytes: usize,
}

impl StickyPartitioner {
    /// The partition for a keyless record of `record_bytes`. It changes once `batch_bytes` went to the old one, or
    /// when the old one is not among `available` any more. `random` chooses; `available` must not be empty.
    pub(super) fn choose(
        &mut self,
        topic: &Arc<str>,
        available: &[i32],
        record_bytes: usize,
        batch_bytes: usize,
        random: u64,
    ) -> i32 {
        let draw = |except: Option<i32>| {
            let others = available
                .iter()
                .filter(|partition| Some(**partition) != except)
                .count() as u64;
            let index = if others == 0 {
                0
            } else {
                (random % others) as usize
            };
            let mut candidates = available
                .iter()
                .filter(|partition| others == 0 || Some(**partition) != except);
            *candidates
                .nth(index)
                .expect("available is not empty, and the index is below the count")
        };
        let sticky = match self.topics.get_mut(topic) {
            Some(sticky) => sticky,
            None => self.topics.entry(topic.clone()).or_insert(Sticky {
                partition: draw(None),
                bytes: 0,
            }),
        };
        if sticky.bytes >= batch_bytes || !available.contains(&sticky.partition) {
            *sticky = Sticky {
                partition: draw(Some(sticky.partition)),
                bytes: 0,
            };
        }
        sticky.bytes = sticky.bytes.saturating_add(record_bytes);
        sticky.partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_land_where_java_puts_them() {
        // murmur2("foobar") = -790332482, whose lower 31 bits are 1357151166.
        assert_eq!(partition_for_key(b"foobar", 100), 66);
        assert_eq!(partition_for_key(b"abc", 10), 7);
    }

    #[test]
    fn keyless_records_stay_until_a_batch_is_full() {
        let (mut partitioner, topic) = (StickyPartitioner::default(), Arc::from("t"));
        let mut random = 0;
        let chosen: Vec<i32> = (0..40)
            .map(|_| {
                random += 7;
                partitioner.choose(&topic, &[0, 1, 2], 10, 100, random)
            })
            .collect();
        for run in chosen.chunks(10) {
            assert!(run.iter().all(|partition| *partition == run[0]), "{chosen:?}");
        }
        for pair in chosen.chunks(10).collect::<Vec<_>>().windows(2) {
            assert_ne!(pair[0][0], pair[1][0], "a full partition gives way to another");
        }
    }

    #[test]
    fn a_partition_without_a_leader_is_left() {
        let (mut partitioner, topic) = (StickyPartitioner::default(), Arc::from("t"));
        assert_eq!(partitioner.choose(&topic, &[3], 1, 100, 9), 3);
        assert_eq!(partitioner.choose(&topic, &[5], 1, 100, 9), 5);
    }

    proptest! {
        #[test]
        fn every_choice_exists(key in proptest::collection::vec(any::<u8>(), 0..20), count in 1i32..1000, random: u64) {
            prop_assert!((0..count).contains(&partition_for_key(&key, count)));
            let all: Vec<i32> = (0..count).collect();
            let chosen = StickyPartitioner::default().choose(&Arc::from("t"), &all, 1, 1, random);
            prop_assert!((0..count).contains(&chosen));
        }
    }
}
