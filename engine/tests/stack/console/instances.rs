//! Two engines of one pipeline: whichever one asks, it is the same console.

use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::{TestPipeline, api};
use weir_testkit::wait;

use crate::console::people::{ANA, Console, ends, payment, row, row_says};

/// Rows of the table of instances, each as its cells.
fn instances(page: &Page<'_>) -> Vec<Vec<String>> {
    page.value(
        "[...document.querySelectorAll('table')].filter(of => of.tHead?.innerText.includes('heard of'))
            .flatMap(of => [...of.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim())))",
    )
}

/// Until each partition has an instance that is among those that the page lists; how many of them have partitions.
fn owners(page: &Page<'_>) -> usize {
    wait::until_some("each partition has an owner", || {
        let known: Vec<String> = instances(page).into_iter().map(|row| row[0].clone()).collect();
        let mut of: Vec<_> = (0..4).map(|partition| row(page, &partition.to_string())).collect();
        let owned = of.iter().all(|row| known.iter().any(|id| row.contains(id)));
        of.retain(|row| !row.contains("running"));
        let used = known.iter().filter(|id| (0..4).any(|at| row(page, &at.to_string()).contains(id.as_str())));
        if owned && of.is_empty() { Ok(used.count()) } else { Err(()) }
    })
}

#[test]
fn two_instances_are_one_console() {
    let console = Console::start(TestPipeline::new("instances").with_workers(1));
    let (mut second, port) = console.pipeline.start_beside(&console.pipeline.folder.path().join("second.log"));
    second.until("it is ready", std::time::Duration::from_secs(30), || api::readyz(port).0 == 200);
    let all: Vec<_> = (0..4).flat_map(|at| (0..5).map(move |_| (at, payment("4.20", "C1", "M1")))).collect();
    console.pipeline.send_all(&all);
    console.is_at_the_end();
    let second = std::cell::Cell::new(Some(second));
    console.visit("instances", &Look::DESK, ANA, |page| {
        let other = page.tab_at("other", &format!("http://127.0.0.1:{port}"));
        other.go("/console/");
        other.sees("heading", "Now");
        for page in [page, &other] {
            wait::until_some("two instances", || {
                let rows = instances(page);
                let ready = rows.iter().filter(|row| row[1] == "ready").count();
                if (rows.len(), ready) == (2, 2) { Ok(()) } else { Err(()) }
            });
            assert_eq!(owners(page), 2, "both have partitions: {}", page.text());
            page.says("sums over the 2 instances");
            page.says("running on 2 instances");
            page.check("both");
        }
        other.follow("link", "Rules");
        other.sees("link", "high_amount");
        other.check("rules");

        second.take().expect("it runs").kill();
        wait::until_some("one is not heard of", || {
            let rows = instances(page);
            if rows.iter().any(|row| row[1] == "not heard of") { Ok(()) } else { Err(()) }
        });
        page.check("one is gone");
        row_says(page, "0", "running");
        wait::until_some("the other has all partitions", || {
            let rows = instances(page);
            let has_all = rows.iter().any(|row| row[1] == "ready" && row[4] == "4");
            if has_all { Ok(()) } else { Err(()) }
        });
        page.check("one has all");
    });
    ends(console);
}
