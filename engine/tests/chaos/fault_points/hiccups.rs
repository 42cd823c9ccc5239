//! One long life in which every step fails once and is slow once, each at another moment, and nothing dies.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::life::{Hit, Life};
use weir_testkit::stack::Stack;

/// Of a start.
pub(crate) const AT_FIRST: [&str; 14] = [
    "letters.prepare",
    "letters.prepared",
    "store.take.before",
    "store.take.raised",
    "store.take.written",
    "store.take.answer",
    "store.begin.before",
    "store.begin.written",
    "store.begin.answer",
    "source.bounds",
    "source.committed",
    "store.commit.activation",
    "store.outcome",
    "store.published.marked",
];
/// Of every step.
pub(crate) const IN_A_STEP: [&str; 17] = [
    "store.commit.before",
    "store.commit.begun",
    "store.commit.position",
    "store.commit.letters",
    "store.commit.window",
    "store.commit.written",
    "store.commit.lost",
    "store.commit.answer",
    "store.published.before",
    "store.published.written",
    "store.published.answer",
    "letters.begin",
    "letters.begun",
    "letters.produce",
    "letters.produced",
    "letters.offsets",
    "letters.commit.answer",
];
/// Nothing can fail there.
const SLOW: [&str; 17] = [
    "store.prepare.table",
    "store.prepare.created",
    "store.prepare.written",
    "worker.assigned",
    "take.settled",
    "take.owned",
    "take.begun",
    "take.known",
    "take.replayed",
    "take.marked",
    "worker.taken",
    "worker.reading",
    "checkpoint.cleared",
    "checkpoint.committed",
    "checkpoint.published",
    "checkpoint.doubt",
    "letters.abort",
];

pub(crate) fn life(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "hiccups");
    let points = [failing(&AT_FIRST, &IN_A_STEP), slow()].concat().join(";");
    let mut engine = life.start(&points);
    life.until_hit(&mut engine, &points);
    life.until_it_moves(&mut engine);
    engine.stop();
    life.ends_well()
}

/// An error at first, then a delay when it is tried again; in a step later and later, so that most have one of their own.
pub(crate) fn failing(at_first: &[&str], in_a_step: &[&str]) -> Vec<String> {
    let armed = |(after, point): (usize, &&str)| format!("{point}={after}*off->1*return(error)->1*return(120)");
    let of_a_step = in_a_step.iter().enumerate().map(|(at, point)| (at + 1, point));
    at_first.iter().map(|point| (0, point)).chain(of_a_step).map(armed).collect()
}

fn slow() -> Vec<String> {
    SLOW.iter().map(|point| format!("{point}=1*return(120)")).collect()
}
