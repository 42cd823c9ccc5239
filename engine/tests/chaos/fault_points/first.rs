//! A pipeline that was never there: its first positions, its first step, and then whatever is between a start and the
//! first record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::life::{Hit, Life};
use weir_testkit::stack::Stack;

pub(crate) fn life(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "first");
    // Some tables are there, and others are not.
    life.dies("store.prepare.table=4*off->1*return(crash)");
    life.dies_at("store.prepare.created");
    life.dies_at("store.prepare.written");
    life.dies_at("store.begin.before");
    life.dies_at("store.begin.written");
    // Half of the partitions have their N then.
    life.dies("store.begin.answer=1*off->1*return(crash)");
    life.dies_at("take.begun");
    life.dies_at("take.replayed");
    life.dies_at("store.commit.activation");
    for point in [
        "worker.assigned",
        "take.settled",
        "store.take.before",
        "store.take.raised",
        "store.take.written",
        "store.take.answer",
        "take.owned",
        "source.committed",
        "source.bounds",
        "take.known",
        "store.published.before",
        "store.published.marked",
        "store.published.written",
        "store.published.answer",
        "take.marked",
        "worker.taken",
        "worker.reading",
    ] {
        life.dies_at(point);
    }
    life.ends_well()
}
