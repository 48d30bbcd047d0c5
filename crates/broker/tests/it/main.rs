//! A broker in this process, on a free port and a temporary folder, spoken to in raw frames.

mod client;
mod configs;
mod connections;
mod data;
mod fixture;
mod metrics;
mod sessions;
mod stop;
mod topics;
mod versions;
