//! The real services, as `stack/up` starts them: Kafka, MariaDB and Redis on free ports.
//!
//! Tests share one stack ([`shared`]); a test that takes a service away has one of its own ([`Stack::up`]). A runner that starts the
//! shared one itself names its folder in `WEIR_TEST_STACK`; else the first test of a process starts it and the last ends it.

#[cfg(feature = "engine")]
pub mod certificates;
pub mod delay;
#[cfg(feature = "engine")]
pub mod full_disk;
#[cfg(feature = "engine")]
pub mod mariadb;
#[cfg(feature = "engine")]
pub mod mysql8;
#[cfg(feature = "engine")]
pub mod port;
#[cfg(feature = "engine")]
mod services;

#[cfg(feature = "engine")]
pub use services::{Stack, root, shared, weir};
