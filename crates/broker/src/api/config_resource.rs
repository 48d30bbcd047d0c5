//! Ids of `ConfigResource.Type`.

pub const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
