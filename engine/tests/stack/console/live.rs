//! Parts that refresh, beside forms that somebody fills in.

use std::time::Duration;

use weir_testkit::browser::{Look, Page, Told};
use weir_testkit::wait;

use crate::console::people::{ANA, ends, payment, row};
use crate::console::swap::below_the_limit;

/// How often the page was asked for anew.
fn refreshes(page: &Page<'_>) -> u32 {
    page.value("performance.getEntriesByType('resource').filter(of => of.initiatorType === 'fetch').length")
}

fn until_refreshed(page: &Page<'_>, times: u32) {
    let before = refreshes(page);
    wait::until_some("refreshes", || {
        let now = refreshes(page);
        if now >= before + times { Ok(()) } else { Err(now) }
    });
}

#[test]
fn live_parts_leave_forms_alone() {
    let console = below_the_limit("live");
    console.visit("live", &Look::DESK, ANA, |page| {
        let before = row(page, "0");
        console.judges(&[payment("4.20", "C1", "M1"), payment("4.20", "C2", "M1")]);
        wait::until("numbers move by themselves", || row(page, "0") != before);
        assert!(page.text().contains("As of ") && page.text().contains(" s ago"), "{}", page.text());

        page.hide();
        let hidden = refreshes(page);
        // Longer than three refreshes would take.
        std::thread::sleep(Duration::from_secs(7));
        assert!(refreshes(page) <= hidden + 1, "one that was under way at most, while nobody sees it");
        page.show();
        until_refreshed(page, 1);

        page.go("/console/rules/high_amount");
        page.within("region", "Parameters", || page.fill("limit decimal", "12"));
        let hits = row(page, "HIGH_AMOUNT");
        console.judges(&[payment("250000.00", "C3", "M1")]);
        until_refreshed(page, 3);
        wait::until("hits move by themselves", || row(page, "HIGH_AMOUNT") != hits);
        assert_eq!(page.focused(), Told { role: "textbox".into(), name: "limit decimal".into() });
        page.write("5");
        let typed: String = page.value("document.activeElement.value");
        assert_eq!(typed, "125", "what is typed stays, and goes on");
        page.check("half filled");
    });
    ends(console);
}
