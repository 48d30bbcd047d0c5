//! Brokers come, are fenced, are unfenced, go.
//!
//! ```text
//!            register            unfence               controlled shutdown
//!   absent ───────────> fenced ───────────> active ──────────────────────> stopping
//!                         ^                   │                               │
//!                         └──────── fence, or a new incarnation registers ────┘
//! ```
//!
//! A fenced broker is in no in-sync set and leads nothing. What it led goes to another replica, or waits for
//! it as an eligible leader replica. So a new incarnation, which registers fenced and is then unfenced, leads
//! under a new leader epoch (protocol.md 25), on a cluster of one node too.

use wire::record::{BrokerRegistrationChangeRecord, MetadataRecord};
use wire::{ErrorCode, Uuid};

use crate::controller::{Decision, Refusal, election};
use crate::features::METADATA_VERSION;
use crate::{Broker, Controller, Image};

/// A broker that asks to be registered. Its epoch and state are the controller's to say.
#[derive(Clone, Debug)]
pub struct Registration {
    pub broker: Broker,
    /// Of the folders' cluster, which must be this one.
    pub cluster_id: String,
}

/// Registers a broker, fenced. Its epoch is `next_offset`, where the first record of this decision will stand.
/// The reply is the broker's epoch.
pub fn register_broker(
    image: &Image,
    registration: Registration,
    cluster_id: &str,
    next_offset: i64,
) -> Decision<Result<i64, Refusal>> {
    if let Err(refusal) = check(image, &registration, cluster_id) {
        return Decision::only(Err(refusal));
    }
    let mut broker = registration.broker;
    let existing = image.broker(broker.id);
    let same = existing.filter(|existing| existing.incarnation_id == broker.incarnation_id);
    let mut records = Vec::new();
    match same {
        Some(existing) => {
            broker.epoch = existing.epoch;
            broker.fenced = existing.fenced;
            broker.in_controlled_shutdown = existing.in_controlled_shutdown;
        }
        None => {
            broker.epoch = next_offset;
            broker.fenced = true;
            broker.in_controlled_shutdown = false;
            records = election::leave(image, broker.id);
        }
    }
    records.push(MetadataRecord::RegisterBroker(broker.to_record()));
    Decision {
        records,
        reply: Ok(broker.epoch),
    }
}

/// Registers a controller's process.
pub fn register_controller(image: &Image, controller: &Controller) -> Decision<()> {
    match image.controllers().get(&controller.id) == Some(controller) {
        true => Decision::only(()),
        false => Decision {
            records: vec![MetadataRecord::RegisterController(controller.to_record())],
            reply: (),
        },
    }
}

fn check(image: &Image, registration: &Registration, cluster_id: &str) -> Result<(), Refusal> {
    let broker = &registration.broker;
    if registration.cluster_id != cluster_id {
        let message = format!(
            "this is cluster {cluster_id}, the broker's is {}",
            registration.cluster_id
        );
        return Err(Refusal::new(ErrorCode::InconsistentClusterId, message));
    }
    let invalid = |message: String| Err(Refusal::new(ErrorCode::InvalidRegistration, message));
    if broker.log_dirs.is_empty() || broker.log_dirs.contains(&Uuid::ZERO) {
        return invalid(format!(
            "broker {} registers without the ids of its log folders",
            broker.id
        ));
    }
    for other in image.brokers().values().filter(|other| other.id != broker.id) {
        if let Some(dir) = other.log_dirs.iter().find(|dir| broker.log_dirs.contains(dir)) {
            return invalid(format!("log folder {dir} belongs to broker {}", other.id));
        }
    }
    if !broker.features.contains_key(METADATA_VERSION) {
        return invalid(format!(
            "broker {} does not say which {METADATA_VERSION} it knows",
            broker.id
        ));
    }
    for (name, level) in image.features() {
        let range = broker.features.get(name);
        if range.is_none_or(|range| !(range.min..=range.max).contains(level)) {
            let message = format!(
                "the cluster runs at {name} {level}, which broker {} does not know",
                broker.id
            );
            return Err(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
    }
    Ok(())
}

/// Lets a broker lead: it has caught up with its registration. Partitions that waited for it elect it.
pub fn unfence_broker(image: &Image, broker_id: i32, broker_epoch: i64) -> Decision<Result<(), Refusal>> {
    let broker = match check_epoch(image, broker_id, broker_epoch) {
        Ok(broker) => broker,
        Err(refusal) => return Decision::only(Err(refusal)),
    };
    if !broker.fenced {
        return Decision::only(Ok(()));
    }
    let mut records = vec![change(broker, |change| change.fenced = -1)];
    records.extend(election::arrive(image, broker_id));
    Decision {
        records,
        reply: Ok(()),
    }
}

/// Fences a broker: it stopped, or is not heard of.
pub fn fence_broker(image: &Image, broker_id: i32, broker_epoch: i64) -> Decision<Result<(), Refusal>> {
    let broker = match check_epoch(image, broker_id, broker_epoch) {
        Ok(broker) => broker,
        Err(refusal) => return Decision::only(Err(refusal)),
    };
    if broker.fenced {
        return Decision::only(Ok(()));
    }
    let mut records = election::leave(image, broker_id);
    records.push(change(broker, |change| change.fenced = 1));
    Decision {
        records,
        reply: Ok(()),
    }
}

/// Takes leaderships off a broker that is about to stop.
pub fn begin_controlled_shutdown(
    image: &Image,
    broker_id: i32,
    broker_epoch: i64,
) -> Decision<Result<(), Refusal>> {
    let broker = match check_epoch(image, broker_id, broker_epoch) {
        Ok(broker) => broker,
        Err(refusal) => return Decision::only(Err(refusal)),
    };
    if broker.in_controlled_shutdown {
        return Decision::only(Ok(()));
    }
    let mut records = vec![change(broker, |change| change.in_controlled_shutdown = 1)];
    records.extend(election::leave(image, broker_id));
    Decision {
        records,
        reply: Ok(()),
    }
}

/// The broker, if this is its current epoch.
pub(super) fn check_epoch(image: &Image, broker_id: i32, broker_epoch: i64) -> Result<&Broker, Refusal> {
    match image.broker(broker_id) {
        Some(broker) if broker.epoch == broker_epoch => Ok(broker),
        Some(broker) => Err(Refusal::new(
            ErrorCode::StaleBrokerEpoch,
            format!(
                "broker {broker_id} is registered at epoch {}, not {broker_epoch}",
                broker.epoch
            ),
        )),
        None => Err(Refusal::new(
            ErrorCode::StaleBrokerEpoch,
            format!("broker {broker_id} is not registered"),
        )),
    }
}

fn change(broker: &Broker, set: impl FnOnce(&mut BrokerRegistrationChangeRecord)) -> MetadataRecord {
    let mut change = BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        ..Default::default()
    };
    set(&mut change);
    MetadataRecord::BrokerRegistrationChange(change)
}
