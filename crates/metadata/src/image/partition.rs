//! One partition's registration, and how a change record changes it.

use wire::Uuid;
use wire::record::{PartitionChangeRecord, PartitionRecord};

use crate::NO_LEADER;

/// What the controller knows of a partition.
///
/// Invariants: the in-sync and the eligible leader replicas are disjoint subsets of the replicas; a leader is
/// one of the in-sync replicas; the leader epoch rises with every election, the partition epoch with every
/// change.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRegistration {
    /// In the order of preference.
    pub replicas: Vec<i32>,
    /// The log folder of each replica.
    pub directories: Vec<Uuid>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    /// Replicas out of sync that still hold everything below the high watermark (KIP-966).
    pub elr: Vec<i32>,
    /// The last leader, kept when nobody is in sync or eligible.
    pub last_known_elr: Vec<i32>,
    /// -1: none.
    pub leader: i32,
    /// Elected uncleanly and not yet recovered.
    pub recovering: bool,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
}

/// `PartitionChangeRecord::leader`: as it was.
const NO_LEADER_CHANGE: i32 = -2;

impl PartitionRegistration {
    /// A new partition, led by the first in-sync replica.
    pub fn new(replicas: Vec<i32>, directories: Vec<Uuid>, isr: Vec<i32>) -> PartitionRegistration {
        PartitionRegistration {
            leader: isr.first().copied().unwrap_or(NO_LEADER),
            replicas,
            directories,
            isr,
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            recovering: false,
            leader_epoch: 0,
            partition_epoch: 0,
        }
    }

    pub fn from_record(record: &PartitionRecord) -> PartitionRegistration {
        PartitionRegistration {
            replicas: record.replicas.clone(),
            directories: record.directories.clone(),
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
            leader: record.leader,
            recovering: record.leader_recovery_state == 1,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
        }
    }

    pub fn to_record(&self, topic_id: Uuid, partition_id: i32) -> PartitionRecord {
        let some = |replicas: &Vec<i32>| (!replicas.is_empty()).then(|| replicas.clone());
        PartitionRecord {
            partition_id,
            topic_id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader,
            leader_recovery_state: i8::from(self.recovering),
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: self.directories.clone(),
            eligible_leader_replicas: some(&self.elr),
            last_known_elr: some(&self.last_known_elr),
        }
    }

    /// Applies a change. Naming a leader, the same one included, starts a new leader epoch.
    pub(crate) fn replay(&mut self, change: &PartitionChangeRecord) {
        fn set<T: Clone>(field: &mut Vec<T>, change: &Option<Vec<T>>) {
            if let Some(change) = change {
                field.clone_from(change);
            }
        }
        set(&mut self.isr, &change.isr);
        set(&mut self.replicas, &change.replicas);
        set(&mut self.directories, &change.directories);
        set(&mut self.removing_replicas, &change.removing_replicas);
        set(&mut self.adding_replicas, &change.adding_replicas);
        set(&mut self.elr, &change.eligible_leader_replicas);
        set(&mut self.last_known_elr, &change.last_known_elr);
        if change.leader_recovery_state >= 0 {
            self.recovering = change.leader_recovery_state == 1;
        }
        if change.leader != NO_LEADER_CHANGE {
            self.leader = change.leader;
            self.leader_epoch += 1;
        }
        self.partition_epoch += 1;
    }
}
