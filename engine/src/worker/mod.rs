//! One worker of the pipeline: the loop that reads, judges and checkpoints the partitions that the group gave it.

mod driver;

pub(crate) use driver::{Parts, Worker};
