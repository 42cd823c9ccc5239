//! The same on SQLite, whose transactions go through the same points: dead in each statement, then one life of failures.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::hiccups::failing;
use crate::fault_points::life::{Hit, Life, SESSION};
use weir_testkit::pipeline::{PAYSIM, RULES, Way};
use weir_testkit::stack::Stack;

pub(crate) fn life(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let way = Way::on(stack, "sqlite", PAYSIM, &RULES);
    let file = format!("sqlite://{}", way.sqlite().display());
    let mut life = Life::of(way.with("${WEIR_SINK}", &file), SESSION);
    life.dies("store.begin.answer=1*off->1*return(crash)");
    life.dies("store.commit.position=1*off->1*return(crash)");
    life.dies("store.commit.letters=2*off->1*return(crash)");
    life.dies("store.commit.window=5*off->1*return(crash)");
    life.dies_at("store.commit.written");
    life.dies_at("store.commit.answer");
    life.dies("store.commit.answer=1*off->1*return(error);store.outcome=1*return(crash)");
    life.dies_at("store.take.written");
    life.dies("store.published.marked=5*off->1*return(crash)");
    // A pipeline comes to these once, and the first start above did.
    let once = ["store.begin.before", "store.begin.written", "store.begin.answer", "store.commit.activation"];
    let points = failing(|point| point.starts_with("store.") && !once.contains(&point)).join(";");
    let mut engine = life.start(&points);
    life.until_hit(&mut engine, &points);
    engine.stop();
    life.ends_well()
}
