//! The same on SQLite, whose transactions go through the same points: dead in each statement, then one scenario of failures.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::hiccups::failing;
use crate::fault_points::scenario::{Hit, SESSION, Scenario};
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let pipeline = TestPipeline::on(stack, "sqlite", PAYSIM, &RULES);
    let file = format!("sqlite://{}", pipeline.sqlite().display());
    let mut scenario = Scenario::of(pipeline.with("${WEIR_SINK}", &file), SESSION);
    scenario.dies("store.begin.answer=1*off->1*return(crash)");
    scenario.dies("store.commit.position=1*off->1*return(crash)");
    scenario.dies("store.commit.letters=2*off->1*return(crash)");
    scenario.dies("store.commit.window=5*off->1*return(crash)");
    scenario.dies_at("store.commit.written");
    scenario.dies_at("store.commit.answer");
    scenario.dies("store.commit.answer=1*off->1*return(error);store.outcome=1*return(crash)");
    scenario.dies_at("store.take.written");
    scenario.dies("store.published.marked=5*off->1*return(crash)");
    // A pipeline comes to these once, and the first start above did.
    let once = ["store.begin.before", "store.begin.written", "store.begin.answer", "store.commit.activation"];
    let points = failing(|point| point.starts_with("store.") && !once.contains(&point)).join(";");
    let mut engine = scenario.start(&points);
    scenario.until_hit(&mut engine, &points);
    engine.stop();
    scenario.ends_well()
}
