//! Dead inside a checkpoint's transaction in the database, around it, and while its COMMIT is in doubt.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::scenario::{Hit, Scenario};
use weir_testkit::stack::Stack;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "commits");
    scenario.dies_at("store.commit.before");
    scenario.dies_at("store.commit.begun");
    // Between two partitions, and between two statements of one kind.
    scenario.dies("store.commit.position=1*off->1*return(crash)");
    scenario.dies("store.commit.letters=2*off->1*return(crash)");
    scenario.dies("store.commit.window=1*off->1*return(crash)");
    scenario.dies_at("store.commit.written");
    scenario.dies_at("store.commit.lost");
    scenario.dies_at("store.commit.answer");
    scenario.dies("store.commit.answer=1*off->1*return(error);store.outcome=1*return(crash)");
    scenario.dies("store.commit.lost=1*off->1*return(error);store.outcome=1*return(crash)");
    scenario.dies_at("checkpoint.committed");
    scenario.dies_at("checkpoint.published");
    // The first is what taking the partitions clears (once a partition, where it counts so), the second a checkpoint.
    scenario.dies("checkpoint.cleared=1*off->1*return(crash)");
    scenario.dies("store.published.before=1*off->1*return(crash)");
    scenario.dies("store.published.marked=5*off->1*return(crash)");
    scenario.dies("store.published.written=1*off->1*return(crash)");
    scenario.dies("store.published.answer=1*off->1*return(crash)");
    scenario.ends_well()
}
