//! Tests that need no service: they take the engine's parts, or the built `weir`, by themselves. See README.md beside this folder.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

/// The admin API behind its ports, without a socket.
mod admin_api;
/// The admin API beside peers that are idle or slow.
mod admin_connections;
/// The catalog of rules on SQLite: publishing, swapping, suspending, the directory, the cache.
mod catalog;
/// The checkpoint's two transactions against a model of Kafka.
mod checkpoint;
/// `weir` as a command: what it prints and how it ends.
mod cli;
/// The console: sessions, what each path needs, headers, pages, what is hidden.
mod console;
/// The decoder and its oracle.
mod decode;
/// The fuzz targets on stable.
mod fuzz;
/// Modules that attack the engine or err.
mod hostile_modules;
/// The checkpoint and the catalog in 100,000 random schedules.
mod simulation;
