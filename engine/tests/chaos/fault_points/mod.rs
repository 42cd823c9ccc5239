//! The built `weir` dies, fails and waits at every fault point (`engine/src/fault.rs`) while records flow, against the real
//! Kafka, MariaDB and Redis, and is started again where it died. What is left in the end is compared, as chaos does it, with
//! what the source topic says should be there.
#![allow(clippy::unwrap_used, reason = "a test that unwraps says where it failed")]

mod catalog;
mod commits;
mod first;
mod flow;
mod hiccups;
mod life;
mod points;
mod rebalances;
mod release;
mod sqlite;
mod storm;
mod transactions;

// The harness of the pipeline's tests, and the oracle of chaos.
#[path = "../pipeline/api.rs"]
#[allow(dead_code)]
mod api;
#[path = "../pipeline/engine.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../pipeline/generated.rs"]
#[allow(dead_code)]
mod generated;
#[path = "../pipeline/history.rs"]
#[allow(dead_code)]
mod history;
#[path = "../pipeline/kafka.rs"]
#[allow(dead_code)]
mod kafka;
#[path = "../pipeline/letters.rs"]
#[allow(dead_code)]
mod letters;
#[path = "../pipeline/member.rs"]
mod member;
#[path = "../chaos/oracle.rs"]
#[allow(dead_code)]
mod oracle;
#[path = "../pipeline/plain.rs"]
#[allow(dead_code)]
mod plain;
#[path = "../common/port.rs"]
mod port;
#[path = "../common/stack.rs"]
#[allow(dead_code)]
mod stack;
#[path = "../pipeline/way.rs"]
#[allow(dead_code)]
mod way;
#[path = "../pipeline/windows.rs"]
#[allow(dead_code)]
mod windows;

use std::collections::BTreeSet;
use std::sync::Arc;

use life::Hit;
use stack::Stack;

/// A life from its start to the comparison at its end; what was hit in it.
type Run = fn(Arc<Stack>) -> BTreeSet<Hit>;

/// Lives of pipelines, each with its own topics, group and database, several at a time: most of their time
/// they wait for the group's time-out or for the broker to give up a transaction.
#[test]
fn nothing_is_lost_or_counted_twice_wherever_it_dies_fails_or_waits() {
    let lives: [(&str, Run); 9] = [
        ("first", first::life),
        ("commits", commits::life),
        ("replays", transactions::in_the_replay),
        ("steps", transactions::in_a_step),
        ("rebalances", rebalances::life),
        ("catalog", catalog::life),
        ("hiccups", hiccups::life),
        ("sqlite", sqlite::life),
        ("storm", storm::life),
    ];
    let stack = Arc::new(Stack::up());
    let only = std::env::var("LIFE").ok().filter(|name| !name.is_empty());
    let (mut hits, mut failed) = (BTreeSet::new(), Vec::new());
    std::thread::scope(|scope| {
        let wanted = lives.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name));
        let running: Vec<_> = wanted
            .map(|(name, life)| {
                let stack = stack.clone();
                let thread = std::thread::Builder::new().name((*name).to_owned());
                (*name, thread.spawn_scoped(scope, move || life(stack)).expect("a thread"))
            })
            .collect();
        for (name, life) in running {
            match life.join() {
                Ok(seen) => hits.extend(seen),
                Err(_) => failed.push(name),
            }
        }
    });
    assert!(failed.is_empty(), "these lives failed, each says above how: {failed:?}");
    if only.is_none() {
        points::all_were_hit(&hits);
    }
}
