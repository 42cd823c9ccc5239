//! Dead inside a checkpoint's transaction in the database, around it, and while its COMMIT is in doubt.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::life::{Hit, Life};
use weir_testkit::stack::Stack;

pub(crate) fn life(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "commits");
    life.dies_at("store.commit.before");
    life.dies_at("store.commit.begun");
    // Between two partitions, and between two statements of one kind.
    life.dies("store.commit.position=1*off->1*return(crash)");
    life.dies("store.commit.letters=2*off->1*return(crash)");
    life.dies("store.commit.window=1*off->1*return(crash)");
    life.dies_at("store.commit.written");
    life.dies_at("store.commit.lost");
    life.dies_at("store.commit.answer");
    life.dies("store.commit.answer=1*off->1*return(error);store.outcome=1*return(crash)");
    life.dies("store.commit.lost=1*off->1*return(error);store.outcome=1*return(crash)");
    life.dies_at("checkpoint.committed");
    life.dies_at("checkpoint.published");
    // The first is what taking the partitions clears (once a partition, where it counts so), the second a step.
    life.dies("checkpoint.cleared=1*off->1*return(crash)");
    life.dies("store.published.before=1*off->1*return(crash)");
    life.dies("store.published.marked=5*off->1*return(crash)");
    life.dies("store.published.written=1*off->1*return(crash)");
    life.dies("store.published.answer=1*off->1*return(crash)");
    life.ends_well()
}
