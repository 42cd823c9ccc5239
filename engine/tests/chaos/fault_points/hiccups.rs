//! One long scenario in which every step fails once and is slow once, each at another moment, and nothing dies.

use std::collections::BTreeSet;
use std::sync::Arc;

use weir::fault::POINTS;

use crate::fault_points::points::of_the_sources;
use crate::fault_points::scenario::{Hit, Scenario};
use weir_testkit::stack::Stack;

/// Beginnings of the names of those that a start comes to; a checkpoint comes to the others.
const OF_A_START: [&str; 7] = [
    "store.take.",
    "store.begin.",
    "source.",
    "letters.prepare",
    "store.commit.activation",
    "store.outcome",
    "store.published.marked",
];
/// Beginnings of the names of those that a pipeline comes to only when its rules change or its group does: other scenarios are for them.
const OF_OTHERS: [&str; 6] =
    ["store.catalog.", "catalog.", "worker.revoked", "worker.drained", "worker.released", "worker.stopping"];

/// The points that a scenario without changes comes to, in the list's order: those where something can fail, or the others.
fn points(can_fail: bool) -> Vec<&'static str> {
    let known = of_the_sources();
    let is_of_others = |point: &str| OF_OTHERS.iter().any(|of| point.starts_with(of));
    POINTS.iter().copied().filter(|point| known.get(*point) == Some(&can_fail) && !is_of_others(point)).collect()
}

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "hiccups");
    let points = [failing(|_| true), slow()].concat().join(";");
    let mut engine = scenario.start(&points);
    scenario.until_hit(&mut engine, &points);
    scenario.until_it_moves(&mut engine);
    engine.stop();
    scenario.ends_well()
}

/// Each of these points: an error at first, then a delay when it is tried again; in a checkpoint later and later, so that most
/// have one of their own.
pub(crate) fn failing(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let is_of_a_start = |point: &&str| OF_A_START.iter().any(|of| point.starts_with(of));
    let armed = |(after, point): (usize, &str)| format!("{point}={after}*off->1*return(error)->1*return(120)");
    let (at_first, in_a_checkpoint): (Vec<_>, Vec<_>) =
        points(true).into_iter().filter(|point| wanted(point)).partition(is_of_a_start);
    let in_a_checkpoint = in_a_checkpoint.into_iter().enumerate().map(|(at, point)| (at + 1, point));
    at_first.into_iter().map(|point| (0, point)).chain(in_a_checkpoint).map(armed).collect()
}

fn slow() -> Vec<String> {
    points(false).iter().map(|point| format!("{point}=1*return(120)")).collect()
}
