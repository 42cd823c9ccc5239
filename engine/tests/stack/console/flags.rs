//! Flagged records, as they come.

use weir_testkit::browser::Look;

use crate::console::people::{BEN, CEM, Console, ends, payment, row, row_says, sensitive};

#[test]
fn flags_are_tailed() {
    let pipeline = sensitive("flags").with_alerts(1_000, "count").with("budget = ", "sensitive = true\nbudget = ");
    let console = Console::start(pipeline);
    let flagged = |from: &str| payment("250000.00", from, "M1");
    console.judges(&[flagged("C1"), flagged("C1"), flagged("C2"), payment("4.20", "C3", "M1")]);
    console.visit("flags", &Look::DESK, BEN, |page| {
        page.follow("link", "Alerts");
        row_says(page, "C1", "2");
        row_says(page, "C2", "amount 250000.00 > 200000");
        page.check("by key");
        page.follow("link", "Pause here");
        page.sees("link", "Go on");
        page.check("paused");
        console.judges(&[flagged("C9"), flagged("C9"), flagged("C9")]);
        page.says("3 messages came since.");
        assert!(!page.text().contains("C9"), "the list stands still: {}", page.text());
        page.check("counted");
        page.follow("link", "Go on");
        row_says(page, "C9", "3");
        page.choose("Group by", "code");
        page.follow("button", "Show");
        row_says(page, "HIGH_AMOUNT", "6");
        page.check("by code");
        page.follow("link", "HIGH_AMOUNT");
        page.check("of one code");
    });
    console.visit("flags.cem", &Look::DESK, CEM, |page| {
        page.follow("link", "Alerts");
        page.says("Keys, details and values are not shown to you");
        assert!(row(page, "HIGH_AMOUNT").contains('6'), "{}", page.text());
        let said = page.text();
        assert!(!said.contains("250000"), "{said}");
        page.misses("columnheader", "key");
        page.check("hidden");
    });
    ends(console);
}
