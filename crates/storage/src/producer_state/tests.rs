//! The rules of idempotence as a table, and the snapshot's properties.

use super::*;
use proptest::prelude::*;

fn batch(epoch: i16, base_sequence: i32, records: i32, base_offset: i64) -> ProducerBatch {
    ProducerBatch {
        producer_id: 9,
        producer_epoch: epoch,
        base_sequence,
        base_offset,
        last_offset: base_offset + i64::from(records) - 1,
        max_timestamp: 1000 + base_offset,
        is_transactional: false,
        marker_coordinator_epoch: None,
    }
}

fn state(batches: &[ProducerBatch]) -> ProducerState {
    let mut state = ProducerState::default();
    batches.iter().for_each(|b| state.replay(b));
    state
}

#[test]
fn an_unknown_producer_starts_anywhere() {
    assert_eq!(
        ProducerState::default().check(&batch(3, 77, 1, 0)),
        Ok(Verdict::Append)
    );
}

#[test]
fn sequences_have_no_gaps_and_the_last_five_batches_are_recognised() {
    let batches: Vec<_> = (0..7).map(|n| batch(0, n * 10, 10, i64::from(n) * 10)).collect();
    let state = state(&batches);
    assert_eq!(state.check(&batch(0, 70, 1, 70)), Ok(Verdict::Append));
    assert!(matches!(
        state.check(&batch(0, 71, 1, 70)),
        Err(ProducerFault::OutOfOrder(_))
    ));
    for n in 2..7 {
        let Ok(Verdict::Duplicate(original)) = state.check(&batch(0, n * 10, 10, 70)) else {
            panic!("batch {n} is one of the last five");
        };
        assert_eq!(original.first_offset(), i64::from(n) * 10);
    }
    assert!(matches!(
        state.check(&batch(0, 10, 10, 70)),
        Err(ProducerFault::OutOfOrder(_))
    ));
    assert!(
        matches!(
            state.check(&batch(0, 60, 9, 70)),
            Err(ProducerFault::OutOfOrder(_))
        ),
        "other length"
    );
}

#[test]
fn epochs_fence_and_start_again() {
    let state = state(&[batch(4, 0, 5, 0)]);
    assert!(matches!(
        state.check(&batch(3, 5, 1, 5)),
        Err(ProducerFault::InvalidEpoch(_))
    ));
    assert_eq!(state.check(&batch(5, 0, 1, 5)), Ok(Verdict::Append));
    assert!(matches!(
        state.check(&batch(5, 5, 1, 5)),
        Err(ProducerFault::OutOfOrder(_))
    ));
}

#[test]
fn sequences_wrap_inside_and_between_batches() {
    let state = state(&[batch(0, i32::MAX - 3, 10, 0)]);
    assert_eq!(state.producers()[&9].last_sequence(), 5);
    assert_eq!(state.check(&batch(0, 6, 1, 10)), Ok(Verdict::Append));
    assert!(matches!(
        state.check(&batch(0, i32::MAX - 3, 10, 10)),
        Ok(Verdict::Duplicate(_))
    ));
    let mut at_end = super::ProducerState::default();
    at_end.replay(&batch(0, i32::MAX, 1, 0));
    assert_eq!(at_end.check(&batch(0, 0, 1, 1)), Ok(Verdict::Append));
}

#[test]
fn transactions_open_and_end() {
    let open = ProducerBatch {
        is_transactional: true,
        ..batch(0, 0, 2, 10)
    };
    let mut state = state(&[open]);
    assert_eq!(state.first_unstable_offset(), Some(10));
    assert!(matches!(
        state.check(&batch(0, 2, 1, 12)),
        Err(ProducerFault::InvalidTxnState(_))
    ));
    state.expire(i64::MAX, 1);
    assert_eq!(
        state.producers().len(),
        1,
        "an open transaction keeps its producer"
    );
    state.replay(&ProducerBatch {
        marker_coordinator_epoch: Some(3),
        ..batch(1, -1, 1, 12)
    });
    assert_eq!(state.first_unstable_offset(), None);
    assert_eq!(state.producers()[&9].coordinator_epoch, 3);
    assert_eq!(state.check(&batch(1, 0, 1, 13)), Ok(Verdict::Append));
    state.expire(1012 + 50, 50);
    assert!(state.producers().is_empty());
}

#[test]
fn a_snapshot_of_kafka_s_making_is_read_and_damage_is_refused() {
    // version 1, crc, one entry: id 1, epoch 0, sequence 4, offset 14, delta 4, timestamp 7, coordinator -1, no txn
    let mut kafka = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    for part in [
        1i64.to_be_bytes().as_slice(),
        &[0, 0],
        &4i32.to_be_bytes(),
        &14i64.to_be_bytes(),
    ] {
        kafka.extend_from_slice(part);
    }
    for part in [
        4i32.to_be_bytes().as_slice(),
        &7i64.to_be_bytes(),
        &[0xff; 4],
        &[0xff; 8],
    ] {
        kafka.extend_from_slice(part);
    }
    let crc = crc32c::crc32c(&kafka[6..]);
    kafka[2..6].copy_from_slice(&crc.to_be_bytes());
    let producers = decode_snapshot(&kafka).expect("Kafka's layout");
    assert_eq!(producers[&1].batches[0].first_offset(), 10);
    assert_eq!(
        encode_snapshot(&producers),
        kafka,
        "without older batches ours is Kafka's, byte for byte"
    );
    for at in 0..kafka.len() {
        let mut bad = kafka.clone();
        bad[at] ^= 0x40;
        assert!(decode_snapshot(&bad).is_err(), "flipped byte {at}");
        assert!(decode_snapshot(&kafka[..at]).is_err(), "cut at {at}");
    }
}

proptest! {
    #[test]
    fn a_snapshot_in_the_middle_changes_nothing(
        batches in prop::collection::vec((0..3i64, 0..2i16, 1..5i32), 0..40),
        split in 0..40usize,
    ) {
        let mut whole = ProducerState::default();
        let mut resumed = ProducerState::default();
        let (mut offset, mut sequence) = (0i64, i32::MAX - 20);
        for (n, (producer_id, epoch, records)) in batches.into_iter().enumerate() {
            if n == split {
                let entries = decode_snapshot(&resumed.snapshot()).expect("our own");
                resumed = ProducerState::from_entries(entries);
            }
            let batch = ProducerBatch { producer_id, ..batch(epoch, sequence, records, offset) };
            whole.replay(&batch);
            resumed.replay(&batch);
            offset += i64::from(records);
            sequence = advance(sequence, records);
        }
        prop_assert_eq!(&whole.producers, &resumed.producers);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200), fix_crc: bool) {
        let mut bytes = bytes;
        if fix_crc && bytes.len() > 10 {
            bytes[..2].copy_from_slice(&[0, 1]);
            let crc = crc32c::crc32c(&bytes[6..]);
            bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        }
        let _ = decode_snapshot(&bytes);
    }

    #[test]
    fn retreat_inverts_advance(sequence in 0..=i32::MAX, by in 0..=i32::MAX) {
        prop_assert_eq!(retreat(advance(sequence, by), by), sequence);
    }
}
