//! Partitions taken away and given back: dead, slow or told that the group moved on just then, beside an instance that lives on.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::scenario::{Hit, SESSION, SOON, Scenario};
use weir_testkit::broker::PARTITIONS;
use weir_testkit::broker::member::Member;
use weir_testkit::pipeline::api::flowing;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;
use weir_testkit::wait;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let pipeline = TestPipeline::on(stack, "rebalances", PAYSIM, &RULES);
    let mut scenario = Scenario::of(pipeline, SESSION);
    let (mut stays, admin) = scenario.start_another("");
    for point in ["worker.revoked", "worker.drained", "worker.released"] {
        until_it_has(&mut stays, admin, PARTITIONS as usize);
        let (points, before) = (format!("{point}=1*return(crash)"), scenario.crashes());
        let (mut goes, other) = scenario.start_another(&points);
        wait::until("it has partitions, or is dead", || has(other, 2) || goes.ended().is_some());
        let _member = Member::of(&scenario.pipeline);
        scenario.is_dead(goes, &points, before);
    }
    until_it_has(&mut stays, admin, PARTITIONS as usize);

    // A checkpoint is under way when they are revoked, and the revoke itself takes its time.
    let points = "store.commit.written=2*off->1*return(700);worker.revoked=1*return(150);worker.drained=1*return(150);\
                  worker.released=1*return(150);worker.stopping=1*return(150)";
    let (mut slow, other) = scenario.start_another(points);
    until_it_has(&mut slow, other, 2);
    let member = Member::of(&scenario.pipeline);
    scenario.until_hit(&mut slow, "worker.released=1*return(150)");
    drop(member);
    until_it_has(&mut slow, other, 2);
    slow.stop();

    // Its metadata is refused: it waits for the next assignment, which comes when a member does.
    let points = "letters.offsets=2*off->1*return(group)";
    let (mut late, other) = scenario.start_another(points);
    until_it_has(&mut late, other, 2);
    scenario.until_hit(&mut late, points);
    let member = Member::of(&scenario.pipeline);
    // Three share four partitions.
    late.until("it has another assignment", SOON, || has(other, 1) || has(admin, 1));
    drop(member);
    until_it_has(&mut late, other, 2);
    scenario.until_it_moves(&mut late);
    late.stop();

    let (points, before) = ("worker.stopping=1*return(crash)", scenario.crashes());
    let (mut ends, other) = scenario.start_another(points);
    until_it_has(&mut ends, other, 2);
    ends.signal("TERM");
    scenario.is_dead(ends, points, before);
    until_it_has(&mut stays, admin, PARTITIONS as usize);
    stays.stop();
    scenario.ends_well()
}

/// Until so many partitions are its own and all of them flow.
fn until_it_has(engine: &mut Engine, admin: u16, partitions: usize) {
    engine.until("its partitions flow", SOON, || has(admin, partitions));
}

fn has(admin: u16, partitions: usize) -> bool {
    flowing(admin) == Some(partitions)
}
