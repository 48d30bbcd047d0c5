//! Which brokers hold the replicas of new partitions.

use wire::{ErrorCode, Uuid};

use crate::controller::Refusal;
use crate::{Image, PartitionRegistration};

/// Places `count` partitions from index `first` on: leaders go round the active brokers in the order of their
/// ids, each partition's followers are the next brokers, shifted by one each time round. Fenced brokers come
/// last, and never lead. Racks are not looked at yet.
pub(super) fn place(
    image: &Image,
    first: i32,
    count: i32,
    replication_factor: i16,
) -> Result<Vec<PartitionRegistration>, Refusal> {
    let (active, inactive): (Vec<i32>, Vec<i32>) =
        image.brokers().keys().partition(|id| image.is_active(**id));
    let wanted = replication_factor.max(0) as usize;
    let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicationFactor, message));
    if wanted > active.len() + inactive.len() {
        let registered = active.len() + inactive.len();
        return refuse(format!(
            "{wanted} replicas need as many brokers; registered are {registered}"
        ));
    }
    if active.is_empty() {
        return refuse("no broker is active: all are fenced or stopping".to_string());
    }
    let one = |index: i32| {
        let turn = index as usize;
        let leader = turn % active.len();
        let mut followers: Vec<i32> = (1..active.len())
            .map(|i| active[(leader + i) % active.len()])
            .collect();
        if !followers.is_empty() {
            let shift = turn / active.len() % followers.len();
            followers.rotate_left(shift);
        }
        let all = [active[leader]]
            .into_iter()
            .chain(followers)
            .chain(inactive.iter().copied());
        registration(image, all.take(wanted).collect())
    };
    Ok((first..first + count).map(one).collect())
}

/// Takes a partition's replicas as a client lists them.
pub(super) fn assigned(
    image: &Image,
    partition: i32,
    replicas: &[i32],
    replication_factor: Option<usize>,
) -> Result<PartitionRegistration, Refusal> {
    let refuse = |message: String| Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return refuse(format!("partition {partition} is assigned to no broker"));
    }
    if let Some(id) = replicas.iter().find(|id| image.broker(**id).is_none()) {
        return refuse(format!(
            "partition {partition} is assigned to broker {id}, which is not registered"
        ));
    }
    if let Some(id) = replicas
        .iter()
        .find(|id| replicas.iter().filter(|other| other == id).count() > 1)
    {
        return refuse(format!("partition {partition} is assigned to broker {id} twice"));
    }
    if let Some(wanted) = replication_factor.filter(|wanted| *wanted != replicas.len()) {
        let has = replicas.len();
        return refuse(format!(
            "partition {partition} has {has} replicas, where the others have {wanted}"
        ));
    }
    let registration = registration(image, replicas.to_vec());
    if registration.isr.is_empty() {
        return refuse(format!(
            "partition {partition} is assigned to brokers that are all fenced or stopping"
        ));
    }
    Ok(registration)
}

fn registration(image: &Image, replicas: Vec<i32>) -> PartitionRegistration {
    let isr = replicas
        .iter()
        .copied()
        .filter(|id| image.is_active(*id))
        .collect();
    let directories = replicas.iter().map(|id| directory(image, *id)).collect();
    PartitionRegistration::new(replicas, directories, isr)
}

/// The folder of a broker's new replica: its only one, or unassigned, for the broker to choose.
fn directory(image: &Image, broker: i32) -> Uuid {
    match image.broker(broker).map(|broker| broker.log_dirs.as_slice()) {
        Some([only]) => *only,
        _ => Uuid::ZERO,
    }
}
