//! What becomes of partitions when a broker stops leading, or may lead again.
//!
//! With eligible.leader.replicas.version 1 (KIP-966) the last in-sync replica that leaves becomes an eligible
//! leader replica: it holds everything below the high watermark, since acknowledged data is on its disk
//! (DESIGN.md, "An ack means it"). When it comes back it is elected, cleanly, under a new leader epoch.

use wire::Uuid;
use wire::record::{MetadataRecord, PartitionChangeRecord};

use crate::{Image, NO_LEADER, PartitionRegistration};

/// Changes for a broker that leaves every in-sync set.
pub(super) fn leave(image: &Image, broker: i32) -> Vec<MetadataRecord> {
    changes(image, |topic_id, index, partition| {
        if !partition.isr.contains(&broker) && partition.leader != broker {
            return None;
        }
        let isr: Vec<i32> = partition.isr.iter().copied().filter(|id| *id != broker).collect();
        let mut elr = partition.elr.clone();
        if isr.is_empty() && !elr.contains(&broker) {
            elr.push(broker);
        }
        let mut change = new_change(topic_id, index);
        if partition.leader == broker {
            let preferred = partition.replicas.iter().copied();
            change.leader = preferred
                .filter(|id| isr.contains(id))
                .find(|id| image.is_active(*id))
                .unwrap_or(NO_LEADER);
        }
        if change.leader == NO_LEADER && partition.last_known_elr.is_empty() {
            change.last_known_elr = Some(vec![broker]);
        }
        if elr != partition.elr {
            change.eligible_leader_replicas = Some(elr);
        }
        change.isr = Some(isr);
        Some(change)
    })
}

/// Changes for a broker that may lead again: partitions without a leader elect it, if they may.
pub(super) fn arrive(image: &Image, broker: i32) -> Vec<MetadataRecord> {
    changes(image, |topic_id, index, partition| {
        let eligible = partition.isr.contains(&broker) || partition.elr.contains(&broker);
        if partition.leader != NO_LEADER || !eligible {
            return None;
        }
        let mut change = new_change(topic_id, index);
        change.leader = broker;
        if !partition.isr.contains(&broker) {
            change.isr = Some(vec![broker]);
            change.eligible_leader_replicas =
                Some(partition.elr.iter().copied().filter(|id| *id != broker).collect());
        }
        if !partition.last_known_elr.is_empty() {
            change.last_known_elr = Some(Vec::new());
        }
        Some(change)
    })
}

fn new_change(topic_id: Uuid, partition_id: i32) -> PartitionChangeRecord {
    PartitionChangeRecord {
        topic_id,
        partition_id,
        ..Default::default()
    }
}

fn changes(
    image: &Image,
    change: impl Fn(Uuid, i32, &PartitionRegistration) -> Option<PartitionChangeRecord>,
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for topic in image.topics() {
        let changed = topic
            .partitions
            .iter()
            .filter_map(|(index, p)| change(topic.id, *index, p));
        records.extend(changed.map(MetadataRecord::PartitionChange));
    }
    records
}
