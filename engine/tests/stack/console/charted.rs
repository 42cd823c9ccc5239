//! Windows, as people look at them.

use std::time::Duration;

use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::wait;

use crate::console::people::{BEN, CEM, Console, downloads, ends, payment_at};

/// 2026-01-01, at which the generated records begin, in epoch milliseconds.
const START: i64 = 1_767_225_600_000;

/// 1234567.80 as the page writes it: 1,234,567.80
fn grouped(decimal: &str) -> String {
    let (whole, rest) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits: Vec<char> = whole.chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|three| three.iter().rev().collect()).collect();
    let whole: Vec<_> = groups.into_iter().rev().collect();
    if rest.is_empty() { whole.join(",") } else { format!("{}.{rest}", whole.join(",")) }
}

fn filled(name: &str) -> Console {
    let amount = r#"amount = { kind = "decimal", scale = 2, required = true }"#;
    let hidden = r#"amount = { kind = "decimal", scale = 2, required = true, sensitive = true }"#;
    let console = Console::start(TestPipeline::new(name).with_workers(1).with(amount, hidden));
    // A minute of the records' own time: twelve windows.
    let generated = Generated::new(&console.pipeline, 1_200, 7, &["--rate-ms", "50"]);
    generated.produce(&console.pipeline);
    let mut engine = console.engine.borrow_mut();
    console.pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    drop(engine);
    // After its window ended: added to it nevertheless.
    console.judges(&[payment_at(START + 10_000, "77.77", "C1", "M1")]);
    console
}

/// Every sum of the table is on the page as the database has it.
fn has_the_sums(page: &Page<'_>, console: &Console) {
    let rows = console.pipeline.sql("SELECT amount_sum, records FROM risk_stats");
    assert!(rows.len() > 12, "{rows:?}");
    let said = page.text();
    for cells in rows {
        let sum = grouped(&cells[0]);
        assert!(said.contains(&sum), "{sum} is in the database, and the page says: {said}");
    }
}

/// What each row says of its window.
fn states(page: &Page<'_>) -> Vec<String> {
    page.value("[...document.querySelectorAll('#rows tbody tr')].map(row => row.cells[1].innerText.trim())")
}

#[test]
fn windows_are_charted() {
    let console = filled("windows");
    for (name, look) in [("windows", Look::DESK), ("windows.dark", Look::DARK)] {
        console.visit(name, &look, BEN, |page| {
            page.follow("link", "Windows");
            page.sees("heading", "The rows, newest first");
            page.check("windows");
            assert!(page.names("image").iter().any(|name| name.starts_with("amount")), "{:?}", page.names("image"));
            has_the_sums(page, &console);
            let said = page.text();
            for told in ["open: can still change", "late records are among them", "TRANSFER"] {
                assert!(said.contains(told), "{told:?}, and not by color alone: {said}");
            }
            // The form names final windows, and the legend open ones: a row has to say it.
            for state in ["open", "final"] {
                wait::until(&format!("a row of a window that is {state}"), || {
                    states(page).iter().any(|of| of == state)
                });
            }
            let csv = downloads(page, "/console/windows.csv");
            let late = console.pipeline.sql("SELECT COUNT(*) FROM risk_stats WHERE late > 0");
            assert_eq!(late, [["1"]], "the late one is counted");
            let rows = console.pipeline.sql("SELECT amount_sum FROM risk_stats");
            assert_eq!(csv.lines().count(), rows.len() + 1, "a head and a line a row: {csv}");
            assert!(rows.iter().all(|cells| csv.contains(&cells[0])), "{csv}");
        });
    }
    console.visit("windows.cem", &Look::DESK, CEM, |page| {
        page.follow("link", "Windows");
        page.says("measures of sensitive fields");
        let sums = console.pipeline.sql("SELECT amount_sum FROM risk_stats WHERE amount_sum > 1000");
        let said = page.text();
        assert!(sums.iter().all(|cells| !said.contains(&grouped(&cells[0]))), "{said}");
        assert!(!said.contains("amount_sum"), "{said}");
        page.check("hidden");
    });
    ends(console);
}
