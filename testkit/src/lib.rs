//! What the tests of Weir share. Knows the engine's public interface, no test.
//!
//! - [`stack`]: a real Kafka, MariaDB and Redis; databases of a test's own; free ports; a full disk; a far broker.
//! - [`pipeline`]: one pipeline of a test's own on a stack: its topics, group, database and rules; `weir run` as a process; its API.
//! - [`broker`]: topics and groups, read and written by the test itself.
//! - [`browser`]: a real browser, and journeys through pages that say what no person would see.
//! - [`guest`]: hand-written rules in WebAssembly text, of which an attack replaces one part.
//! - [`oracle`]: what should come out, computed from the source topic alone, and the comparison with what did.
//! - [`fakes`]: what is behind the engine's ports: Kafka's transactions, the catalog and the store of the admin API.
//! - [`made`]: parts of docs/ that are made from the code.
//! - [`plans`]: whether a read of the store goes by an index.
//! - [`wait`], [`process`]: waiting that ends for lack of progress; a test as a process of its own.
//! - [`fuzz`]: what must hold for any bytes from outside, one function a target.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

#[cfg(feature = "engine")]
pub mod broker;
#[cfg(feature = "engine")]
pub mod browser;
#[cfg(feature = "engine")]
pub mod dirty_files;
#[cfg(feature = "engine")]
pub mod fakes;
#[cfg(feature = "engine")]
pub mod fuzz;
pub mod guest;
pub mod made;
#[cfg(feature = "engine")]
pub mod oracle;
#[cfg(feature = "engine")]
pub mod pipeline;
#[cfg(feature = "engine")]
pub mod plans;
#[cfg(feature = "engine")]
pub mod process;
pub mod stack;
pub mod wait;
