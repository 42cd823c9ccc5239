//! The page Now as people see it, over the fakes: full, at a first start and without the database, however one looks at it.

use weir_testkit::browser::{Look, Site, journey};
use weir_testkit::fakes::admin::Fakes;

/// What a page may weigh on the wire, in bytes.
const WEIGHT: u64 = 60 * 1_024;

/// A pipeline without tokens, as large as any.
fn full() -> Fakes {
    Fakes { tokens: None, partitions: 1_000, rules: 200, ..Fakes::default() }
}

#[test]
fn now_has_no_barrier_and_stays_small_however_one_looks_at_it() {
    let site = Site::of(full().api());
    for (name, look) in
        [("now", Look::DESK), ("now.dark", Look::DARK), ("now.narrow", Look::NARROW), ("now.plain", Look::PLAIN)]
    {
        journey(name, &look, site.origin(), |page| {
            page.go("/console/");
            page.says("Partitions, worst first");
            page.says("falls; clears in");
            println!("{name}: {} bytes, first paint after {:?}", page.weight(), page.first_paint());
            assert!(page.weight() < WEIGHT, "{name}: {} bytes", page.weight());
            page.check("full");
            page.go("/console/?pin=50&page=10");
            page.says("Checkpoint 50 is pinned");
            page.says("Page 10 of 10");
            page.check("pinned");
        });
    }
}

#[test]
fn a_first_start_and_a_database_that_is_away_are_told_without_an_empty_table() {
    let first = Site::of(Fakes { begun: false, partitions: 0, ..full() }.api());
    journey("now.first", &Look::NARROW, first.origin(), |page| {
        page.go("/console/");
        page.says("weir rules push RULE.wasm");
        page.check("first");
    });
    let alone = Site::of(Fakes { alone: true, ..full() }.api());
    journey("now.alone", &Look::DESK, alone.origin(), |page| {
        page.go("/console/");
        page.says("about this instance alone");
        page.check("alone");
    });
}
