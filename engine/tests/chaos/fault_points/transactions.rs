//! Dead inside the transaction in Kafka: when it publishes what the dead left in the outbox, and in a checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::scenario::{Hit, Scenario};
use weir_testkit::stack::Stack;

/// The first death leaves letters that are only in the outbox, and no other but the last brings them to Kafka: each next
/// start replays them.
pub(crate) fn in_the_replay(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "replays");
    scenario.dies_at("checkpoint.committed");
    // K is in doubt until the broker gives the transaction up, so the next start waits for some seconds.
    scenario.dies_at("letters.offsets");
    scenario.dies_at("letters.prepare");
    scenario.dies_at("letters.prepared");
    scenario.dies_at("letters.begin");
    scenario.dies_at("letters.begun");
    scenario.dies("letters.produce=3*off->1*return(crash)");
    scenario.dies_at("letters.produced");
    scenario.dies("letters.produced=1*return(error);letters.abort=1*return(crash)");
    scenario.dies_at("letters.commit.answer");
    scenario.ends_well()
}

/// The replay is the first transaction of a start, if there is one: a later one belongs to a checkpoint.
pub(crate) fn in_a_checkpoint(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "checkpoints");
    // The pause lets the letters come to the broker before it dies.
    scenario.dies("letters.produced=1*off->1*return(300);letters.offsets=1*off->1*return(crash)");
    scenario.dies("letters.begin=1*off->1*return(crash)");
    scenario.dies("letters.begun=1*off->1*return(crash)");
    scenario.dies("letters.produce=400*off->1*return(crash)");
    scenario.dies("letters.produced=1*off->1*return(crash)");
    scenario.dies("letters.offsets=1*off->1*return(error);letters.abort=1*return(crash)");
    scenario.dies("letters.commit.answer=1*off->1*return(crash)");
    scenario.dies("letters.commit.answer=1*off->1*return(error);checkpoint.doubt=1*return(crash)");
    // The producer that the doubt makes necessary is the second.
    scenario.dies("letters.commit.answer=1*off->1*return(error);letters.prepared=1*off->1*return(crash)");
    scenario.ends_well()
}
