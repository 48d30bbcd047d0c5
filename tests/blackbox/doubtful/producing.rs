//! Batches that a broker must refuse, and some that it must not.

use super::Case;
use super::world::{TIME, World, batch, changed, name};
use bytes::Bytes;
use records::{BatchBuilder, Compression};
use wire::init_producer_id::InitProducerIdRequest;

pub const CASES: &[Case] = &[
    ("a topic that is not there", |world| {
        world.produce("absent", batch(TIME))
    }),
    ("a topic id that is not there", |world| {
        world.produce_as(13, "absent", 0, -1, Some(batch(TIME)))
    }),
    ("a topic by its id", |world| {
        world.produce_as(13, "append-time", 0, -1, Some(batch(TIME)))
    }),
    ("a partition that is not there", |world| {
        world.produce_as(9, "scratch", 9, -1, Some(batch(TIME)))
    }),
    ("a negative partition", |world| {
        world.produce_as(9, "scratch", -1, -1, Some(batch(TIME)))
    }),
    ("a topic name with a blank", |world| {
        world.produce("bad name", batch(TIME))
    }),
    ("acks=2", |world| {
        world.produce_as(9, "scratch", 0, 2, Some(batch(TIME)))
    }),
    ("acks=1", |world| {
        world.produce_as(9, "small", 0, 1, Some(batch(TIME)))
    }),
    ("null records", |world| world.produce("scratch", None)),
    ("no bytes", |world| world.produce("scratch", Bytes::new())),
    ("half a batch", |world| {
        world.produce("scratch", batch(TIME).slice(..40))
    }),
    ("a batch and some bytes", |world| {
        world.produce("scratch", Bytes::from([&batch(TIME)[..], &[0; 5]].concat()))
    }),
    ("two batches", |world| {
        world.produce("scratch", Bytes::from([batch(TIME), batch(TIME)].concat()))
    }),
    ("a wrong CRC", |world| {
        let mut bytes = batch(TIME).to_vec();
        bytes[17] ^= 1;
        world.produce("scratch", Bytes::from(bytes))
    }),
    ("a wrong CRC with acks=1", |world| {
        let mut bytes = batch(TIME).to_vec();
        bytes[60] ^= 1;
        world.produce_as(9, "scratch", 0, 1, Some(bytes.into()))
    }),
    ("magic 1", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[16] = 1))
    }),
    ("magic 3", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[16] = 3))
    }),
    ("an unknown codec", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[22] |= 5))
    }),
    ("a codec that does not fit the bytes", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[22] |= 1))
    }),
    ("zstd in Produce v6", |world| {
        world.produce_as(6, "scratch", 0, -1, Some(compressed(Compression::Zstd)))
    }),
    ("no records in a batch", |world| {
        world.produce(
            "scratch",
            changed(&batch(TIME), |bytes| bytes[57..61].copy_from_slice(&[0; 4])),
        )
    }),
    ("more records than there are", |world| {
        world.produce(
            "scratch",
            changed(&batch(TIME), |bytes| bytes[57..61].copy_from_slice(&[0, 0, 0, 2])),
        )
    }),
    ("a last offset delta that is too large", |world| {
        world.produce(
            "scratch",
            changed(&batch(TIME), |bytes| bytes[23..27].copy_from_slice(&[0, 0, 0, 4])),
        )
    }),
    ("a control batch", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[22] |= 0x20))
    }),
    ("the bit of a delete horizon", |world| {
        world.produce("small", changed(&batch(TIME), |bytes| bytes[22] |= 0x40))
    }),
    ("a batch that does not start at 0", |world| {
        world.produce(
            "small",
            changed(&batch(TIME), |bytes| {
                bytes[..8].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 9])
            }),
        )
    }),
    ("LogAppendTime set by the client", |world| {
        world.produce("scratch", changed(&batch(TIME), |bytes| bytes[22] |= 8))
    }),
    (
        "LogAppendTime set by the client on a topic that has it",
        |world| world.produce("append-time", changed(&batch(TIME), |bytes| bytes[22] |= 8)),
    ),
    ("a batch above max.message.bytes", |world| {
        world.produce("small", sized(400))
    }),
    ("a batch below max.message.bytes", |world| {
        world.produce("small", sized(100))
    }),
    ("a null key on a compacted topic", |world| {
        let mut builder = BatchBuilder::new(Compression::None);
        builder
            .append(Some(b"key"), Some(b"1"), &[], TIME)
            .expect("it fits");
        builder.append(None, Some(b"2"), &[], TIME).expect("it fits");
        world.produce("compacted", builder.build().expect("it has records"))
    }),
    ("a key on a compacted topic", |world| {
        world.produce("compacted", batch(TIME))
    }),
    ("a time too long ago", |world| {
        world.produce("recent", batch(TIME))
    }),
    ("a time in the far future", |world| {
        world.produce("recent", batch(9_999_999_999_999))
    }),
    ("a time in the far future, default settings", |world| {
        world.produce("scratch", batch(9_999_999_999_999))
    }),
    ("a negative time", |world| {
        world.produce(
            "scratch",
            changed(&batch(TIME), |bytes| {
                bytes[27..35].copy_from_slice(&(-5i64).to_be_bytes());
                bytes[35..43].copy_from_slice(&(-5i64).to_be_bytes());
            }),
        )
    }),
    ("a producer id without a sequence", |world| {
        world.produce("scratch", idempotent(5, 0, -1))
    }),
    ("a producer that starts in the middle", |world| {
        world.produce("small", idempotent(fresh(world), 0, 5))
    }),
    ("a repeated batch", |world| {
        let id = fresh(world);
        let first = world.produce("scratch", idempotent(id, 0, 0));
        let before = world.end("scratch");
        let again = world.produce("scratch", idempotent(id, 0, 0));
        format!(
            "{first}, then {again}, written again: {}",
            world.end("scratch") != before
        )
    }),
    ("a gap in the sequence", |world| {
        let id = fresh(world);
        world.produce("small", idempotent(id, 0, 0));
        world.produce("small", idempotent(id, 0, 2))
    }),
    ("an old epoch", |world| {
        let id = fresh(world);
        world.produce("small", idempotent(id, 3, 0));
        world.produce("small", idempotent(id, 2, 1))
    }),
    ("a new epoch that does not start at 0", |world| {
        let id = fresh(world);
        world.produce("small", idempotent(id, 0, 0));
        world.produce("small", idempotent(id, 1, 1))
    }),
    ("a repeat of the sixth batch back", |world| {
        let id = fresh(world);
        (0..7).for_each(|sequence| drop(world.produce("append-time", idempotent(id, 0, sequence))));
        world.produce("append-time", idempotent(id, 0, 0))
    }),
    ("InitProducerId with an id of its own", |world| init(world, 5, 1)),
    ("InitProducerId with an id and no epoch", |world| {
        init(world, 5, -1)
    }),
    ("InitProducerId of an idempotent producer", |world| {
        init(world, -1, -1)
    }),
];

fn init(world: &World, producer_id: i64, producer_epoch: i16) -> String {
    let request = InitProducerIdRequest {
        transaction_timeout_ms: 60_000,
        producer_id,
        producer_epoch,
        ..Default::default()
    };
    world.ask(4, &request).map_or_else(
        |error| error,
        |answer| {
            format!(
                "{} epoch {} id {}",
                name(answer.error_code),
                answer.producer_epoch,
                answer.producer_id >= 0
            )
        },
    )
}

fn fresh(world: &World) -> i64 {
    let request = InitProducerIdRequest {
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    world.ask(4, &request).expect("an answer").producer_id
}

fn idempotent(producer_id: i64, epoch: i16, sequence: i32) -> Bytes {
    changed(&batch(TIME), |bytes| {
        bytes[43..51].copy_from_slice(&producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&sequence.to_be_bytes());
    })
}

fn compressed(codec: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(codec);
    builder
        .append(Some(b"key"), Some(b"value"), &[], TIME)
        .expect("it fits");
    builder.build().expect("it has a record")
}

fn sized(bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder
        .append(None, Some(&vec![b'x'; bytes]), &[], TIME)
        .expect("it fits");
    builder.build().expect("it has a record")
}
