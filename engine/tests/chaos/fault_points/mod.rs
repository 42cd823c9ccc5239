//! The built `weir` dies, fails and waits at every fault point (`engine/src/fault.rs`) while records flow, against the real
//! Kafka, MariaDB and Redis, and is started again where it died. What is left in the end is compared, as chaos does it, with
//! what the source topic says should be there.

mod catalog;
mod commits;
mod first_start;
mod flow;
mod hiccups;
mod points;
mod rebalances;
mod release;
mod scenario;
mod sqlite;
mod storm;
mod transactions;

use std::collections::BTreeSet;
use std::sync::Arc;

use scenario::Hit;
use weir_testkit::stack::{Stack, shared};

/// A scenario from its start to the comparison at its end; what was hit in it.
type Run = fn(Arc<Stack>) -> BTreeSet<Hit>;

/// Scenarios of pipelines, each with its own topics, group and database, several at a time: most of their time
/// they wait for the group's time-out or for the broker to give up a transaction.
#[test]
fn nothing_is_lost_or_counted_twice_wherever_it_dies_fails_or_waits() {
    let scenarios: [(&str, Run); 9] = [
        ("first", first_start::scenario),
        ("commits", commits::scenario),
        ("replays", transactions::in_the_replay),
        ("checkpoints", transactions::in_a_checkpoint),
        ("rebalances", rebalances::scenario),
        ("catalog", catalog::scenario),
        ("hiccups", hiccups::scenario),
        ("sqlite", sqlite::scenario),
        ("storm", storm::scenario),
    ];
    let stack = shared();
    let only = std::env::var("SCENARIO").ok().filter(|name| !name.is_empty());
    let (mut hits, mut failed) = (BTreeSet::new(), Vec::new());
    std::thread::scope(|scope| {
        let wanted = scenarios.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name));
        let running: Vec<_> = wanted
            .map(|(name, scenario)| {
                let stack = stack.clone();
                let thread = std::thread::Builder::new().name((*name).to_owned());
                (*name, thread.spawn_scoped(scope, move || scenario(stack)).expect("a thread"))
            })
            .collect();
        for (name, scenario) in running {
            match scenario.join() {
                Ok(seen) => hits.extend(seen),
                Err(_) => failed.push(name),
            }
        }
    });
    assert!(failed.is_empty(), "these scenarios failed, each says above how: {failed:?}");
    if only.is_none() {
        points::all_were_hit(&hits);
    }
}
