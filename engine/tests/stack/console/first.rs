//! An engine that has nothing to do yet.

use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::{PAYSIM, TestPipeline, module, shared};

use crate::console::people::{ANA, Console, ends, payment, row_says};

fn says_what_is_missing(page: &Page<'_>) {
    page.sees("heading", "No record was judged yet");
    page.says("weir rules push RULE.wasm");
    page.says("weir produce");
    let tables: Vec<u32> =
        page.value("[...document.querySelectorAll('main table')].map(table => table.tBodies[0]?.rows.length ?? 0)");
    assert!(tables.iter().all(|rows| *rows > 0), "a table without a row says nothing: {}", page.text());
    page.check("nothing yet");
    page.follow("link", "Rules");
    page.says("There is no rule");
    page.check("no rule");
    page.follow("link", "Dead letters");
    page.says("None that this instance has read.");
    page.check("no letter");
    page.follow("link", "Windows");
    page.says("There is no such window.");
    page.check("no window");
    page.within("navigation", "Pages", || page.follow("link", "Now"));
    page.sees("heading", "Now");
}

#[test]
fn a_first_start_says_what_is_missing() {
    let console = Console::start(TestPipeline::on(shared(), "first", PAYSIM, &[]).with_workers(1));
    console.visit("first.narrow", &Look::NARROW, ANA, says_what_is_missing);
    console.visit("first", &Look::DESK, ANA, |page| {
        says_what_is_missing(page);
        console.publish(&module("negative_amount"));
        console.judges(&[payment("4.20", "C1", "M1"), payment("-1.00", "C2", "M1")]);
        page.misses("heading", "No record was judged yet");
        row_says(page, "0", "running");
        page.says("nothing is behind");
        assert!(!page.text().contains("answers again"), "it never answered before: {}", page.text());
        page.check("filled");
    });
    ends(console);
}
