//! One worker of the pipeline: the loop that reads, judges and checkpoints the partitions that the group gave it. [`machine`]
//! decides, without doing anything; `driver` does what it decides.

mod driver;
pub mod machine;

pub(crate) use driver::{Parts, Worker, clients};
