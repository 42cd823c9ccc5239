//! Faults that meet by chance: two instances of which one dies again and again, at any point, while in both anything fails or
//! is slow at any time.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::points::of_the_sources;
use crate::fault_points::scenario::{Hit, Scenario};
use weir_testkit::stack::Stack;

/// Unless `DEATHS` says otherwise.
const DEATHS: usize = 6;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "storm");
    let mut engine = scenario.start("");
    scenario.until_it_moves(&mut engine);
    engine.stop();
    let (mut stays, _) = scenario.start_another(&armed("2%return(40)", "2%return(error)"));
    let deaths = std::env::var("DEATHS").ok().filter(|text| !text.is_empty());
    for _ in 0..deaths.map_or(DEATHS, |text| text.parse().expect("DEATHS is a number")) {
        scenario.dies(&armed("0.3%1*return(crash)->2%return(40)", "2%return(error)"));
    }
    scenario.until_it_moves(&mut stays);
    stays.stop();
    scenario.ends_well()
}

/// Every point of the way of a record; where something can fail it does.
fn armed(anywhere: &str, fails: &str) -> String {
    // A store that is away while an instance starts ends it, as it should. Of hundreds of letters one would always fail.
    let left_out = ["store.catalog.", "store.prepare.", "catalog.", "worker.stopping", "letters.produce"];
    let is_left_out = |point: &str| left_out.iter().any(|of| point.starts_with(of) && point != "letters.produced");
    let points = of_the_sources().into_iter().filter(|(point, _)| !is_left_out(point));
    let told = points.map(|(point, can_fail)| match can_fail {
        true => format!("{point}={anywhere}->{fails}"),
        false => format!("{point}={anywhere}"),
    });
    told.collect::<Vec<_>>().join(";")
}
