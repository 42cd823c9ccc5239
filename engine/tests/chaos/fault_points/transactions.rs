//! Dead inside the transaction in Kafka: when it publishes what the dead left in the outbox, and in a step.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::life::{Hit, Life};
use weir_testkit::stack::Stack;

/// The first death leaves letters that are only in the outbox, and no other but the last brings them to Kafka: each next
/// start replays them.
pub(crate) fn in_the_replay(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "replays");
    life.dies_at("checkpoint.committed");
    // K is in doubt until the broker gives the transaction up, so the next start waits for some seconds.
    life.dies_at("letters.offsets");
    life.dies_at("letters.prepare");
    life.dies_at("letters.prepared");
    life.dies_at("letters.begin");
    life.dies_at("letters.begun");
    life.dies("letters.produce=3*off->1*return(crash)");
    life.dies_at("letters.produced");
    life.dies("letters.produced=1*return(error);letters.abort=1*return(crash)");
    life.dies_at("letters.commit.answer");
    life.ends_well()
}

/// The replay is the first transaction of a start, if there is one: a later one belongs to a step.
pub(crate) fn in_a_step(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "steps");
    // The pause lets the letters come to the broker before it dies.
    life.dies("letters.produced=1*off->1*return(300);letters.offsets=1*off->1*return(crash)");
    life.dies("letters.begin=1*off->1*return(crash)");
    life.dies("letters.begun=1*off->1*return(crash)");
    life.dies("letters.produce=400*off->1*return(crash)");
    life.dies("letters.produced=1*off->1*return(crash)");
    life.dies("letters.offsets=1*off->1*return(error);letters.abort=1*return(crash)");
    life.dies("letters.commit.answer=1*off->1*return(crash)");
    life.dies("letters.commit.answer=1*off->1*return(error);checkpoint.doubt=1*return(crash)");
    // The producer that the doubt makes necessary is the second.
    life.dies("letters.commit.answer=1*off->1*return(error);letters.prepared=1*off->1*return(crash)");
    life.ends_well()
}
