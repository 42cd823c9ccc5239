//! A pipeline that was never there: its first positions, its first checkpoint, and then whatever is between a start and the
//! first record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::scenario::{Hit, Scenario};
use weir_testkit::stack::Stack;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "first");
    // Some tables are there, and others are not.
    scenario.dies("store.prepare.table=4*off->1*return(crash)");
    scenario.dies_at("store.prepare.created");
    scenario.dies_at("store.prepare.written");
    scenario.dies_at("store.begin.before");
    scenario.dies_at("store.begin.written");
    // Half of the partitions have their N then.
    scenario.dies("store.begin.answer=1*off->1*return(crash)");
    scenario.dies_at("take.begun");
    scenario.dies_at("take.replayed");
    scenario.dies_at("store.commit.activation");
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
        scenario.dies_at(point);
    }
    scenario.ends_well()
}
