//! When a browser first paints a page of the console, and what the page weighs: the real router over views that are as full as any
//! (`Fakes::filled`: 1,000 partitions, 200 rules), on the loopback, in a release build. `bench/paint` runs it and keeps what it prints, a
//! line of JSON in the end. Each visit is of a visitor who has nothing in the cache; the first one of all is not counted, for the
//! browser has just started.
#![allow(clippy::unwrap_used, reason = "a bench that unwraps says where it failed")]

use serde_json::json;
use weir_testkit::browser::{Browser, Look, Site};
use weir_testkit::fakes::admin::Fakes;

/// Visits of each page, unless WEIR_BENCH_ROUNDS says how many.
const VISITS: usize = 20;

/// Path, and a text that is there once the page is.
const PAGES: [(&str, &str); 6] = [
    ("/console/", "Partitions, worst first"),
    ("/console/rules", "high_amount"),
    ("/console/rules/high_amount", "Codes"),
    ("/console/dead-letters", "passed over"),
    ("/console/windows", "The rows, newest first"),
    ("/console/alerts", "Alerts"),
];

/// Milliseconds until the first paint of something, and bytes over the wire.
fn visit(browser: &Browser, site: &Site, (path, text): (&str, &str)) -> (f64, u64) {
    browser.visit("paint", &Look::DESK, site.origin(), |page| {
        page.go(path);
        page.says(text);
        (page.first_paint().as_secs_f64() * 1e3, page.weight())
    })
}

fn main() {
    let visits = std::env::var("WEIR_BENCH_ROUNDS").map_or(VISITS, |text| text.parse().expect("a number of visits"));
    let site = Site::of(Fakes { tokens: None, ..Fakes::filled() }.api());
    let browser = Browser::start();
    visit(&browser, &site, PAGES[0]);
    let mut all = Vec::new();
    for page in PAGES {
        let (mut paints, weights): (Vec<_>, Vec<_>) = (0..visits).map(|_| visit(&browser, &site, page)).unzip();
        paints.sort_by(f64::total_cmp);
        let at = |share: usize| (paints[(paints.len() - 1) * share / 100] * 10.0).round() / 10.0;
        let weight = weights.iter().max().expect("a visit");
        println!("{}: first paint min {} / median {} / max {} ms, {weight} bytes", page.0, at(0), at(50), at(100));
        all.push(json!({"page": page.0, "min_ms": at(0), "median_ms": at(50), "max_ms": at(100), "bytes": weight}));
    }
    println!("{}", json!({"visits": visits, "pages": all}));
}
