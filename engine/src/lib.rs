//! Weir, in the order of the data: `source` → `decode` → `enrich` → `rules` → `window` → `checkpoint` → `store` and
//! `outbox`. Stages do not know each other: `processor` is the way of one batch through the middle of it, `pipeline`, `worker`,
//! `checkpoint` and `cli` join them, and `model` holds the words that they share. [`fault`] is where tests let things fail.

pub mod admin;
mod arenas;
pub mod build_info;
mod certificate;
pub mod checkpoint;
pub mod cli;
mod clock;
pub mod conditions;
pub mod config;
pub mod decode;
pub mod enrich;
pub mod fault;
pub mod kafka;
pub mod model;
pub mod outbox;
pub mod pipeline;
pub mod processor;
pub mod rules;
pub mod source;
pub mod status;
pub mod store;
pub mod telemetry;
pub mod window;
pub mod worker;
