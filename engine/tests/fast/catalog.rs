//! The catalog over its whole way: modules published into a real SQLite store by a real compiler process, restarts,
//! swaps, trips and the directory.

mod alerts;
mod breaker;
mod cache;
mod changes;
mod compiler;
mod damaged;
mod directory;
mod directory_lost;
mod evaluate;
mod explaining;
mod fixture;
mod module;
mod opening;
mod parallel_compiles;
mod parameters;
mod planning;
mod processor;
mod required;
mod set_back;
mod swap_wait;
mod two_instances;
mod vetting;
