//! The database, the group and the clock at their edges: restored, lost, renamed, shared, full, locked, damaged. Each case
//! is a real `weir run` on a real Kafka and MariaDB, and every way out that an error or docs/operations.md names is gone.

mod backups;
mod clock;
mod fixture;
mod full;
mod groups;
mod locks;
mod names;
mod outbox;
mod payments;
mod silent;
