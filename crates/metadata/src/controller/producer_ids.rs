//! Producer ids are given out in blocks; a block is spent when its record is committed, used or not, so that
//! no id is ever given twice.

use std::ops::Range;

use wire::ErrorCode;
use wire::record::{MetadataRecord, ProducerIdsRecord};

use crate::Image;
use crate::controller::{Decision, Refusal, brokers};

/// As Kafka.
pub const PRODUCER_ID_BLOCK_SIZE: i64 = 1000;

/// Gives the next block to a broker, which must be registered at this epoch.
pub fn allocate_producer_ids(
    image: &Image,
    broker_id: i32,
    broker_epoch: i64,
) -> Decision<Result<Range<i64>, Refusal>> {
    let first = image.next_producer_id();
    let block = brokers::check_epoch(image, broker_id, broker_epoch).and_then(|_| {
        let next = first.checked_add(PRODUCER_ID_BLOCK_SIZE);
        next.ok_or_else(|| Refusal::new(ErrorCode::UnknownServerError, "all producer ids are used up"))
    });
    match block {
        Err(refusal) => Decision::only(Err(refusal)),
        Ok(next_producer_id) => Decision {
            records: vec![MetadataRecord::ProducerIds(ProducerIdsRecord {
                broker_id,
                broker_epoch,
                next_producer_id,
            })],
            reply: Ok(first..next_producer_id),
        },
    }
}
