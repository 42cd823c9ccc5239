//! The catalog over its whole way: modules published into a real SQLite store by a real compiler process, restarts,
//! swaps, trips and the directory.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[path = "catalog/bench.rs"]
mod bench;
#[path = "catalog/breaker.rs"]
mod breaker;
#[path = "catalog/cache.rs"]
mod cache;
#[path = "catalog/changes.rs"]
mod changes;
#[path = "catalog/compiler.rs"]
mod compiler;
#[path = "catalog/damaged.rs"]
mod damaged;
#[path = "catalog/directory.rs"]
mod directory;
#[path = "catalog/directory_lost.rs"]
mod directory_lost;
#[path = "catalog/evaluate.rs"]
mod evaluate;
#[path = "catalog/explaining.rs"]
mod explaining;
#[path = "catalog/module.rs"]
mod module;
#[path = "catalog/opening.rs"]
mod opening;
#[path = "catalog/parameters.rs"]
mod parameters;
#[path = "catalog/processor.rs"]
mod processor;
#[path = "catalog/required.rs"]
mod required;
#[path = "catalog/set_back.rs"]
mod set_back;
#[path = "catalog/swap_wait.rs"]
mod swap_wait;
#[path = "catalog/together.rs"]
mod together;
#[path = "catalog/two.rs"]
mod two;
#[path = "catalog/vetting.rs"]
mod vetting;
