//! Windows: as JSON, as CSV and as a page with charts.

use std::io::Read;
use std::sync::atomic::Ordering;

use flate2::read::GzDecoder;
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{call, send};
use weir_testkit::fakes::admin::{FakeWindows, Fakes};

use super::{READER, browse, people, session};

/// Three types in `more` + 1 windows.
fn fakes(more: i64) -> Fakes {
    let types = ["CASH_OUT", "PAYMENT", "=HYPERLINK(1)"].map(str::to_owned).to_vec();
    Fakes { windows: FakeWindows { more, types }, ..people() }
}

#[tokio::test]
async fn a_window_says_whether_it_is_final_and_a_range_bounds_what_is_read() {
    let api = fakes(9).api();
    let starts = |path: &'static str| {
        let api = api.clone();
        async move {
            let rows = send(&api, call("GET", path)).await.json();
            let row = |row: &serde_json::Value| {
                (row["window_start"].as_str().unwrap()[17..19].to_owned(), row["final"].as_bool().unwrap())
            };
            let mut rows: Vec<_> = rows.as_array().unwrap().iter().map(row).collect();
            rows.dedup();
            rows
        }
    };
    let row = |second: &str, is_final| (second.to_owned(), is_final);
    assert_eq!(starts("/windows?limit=9").await, [row("45", false), row("40", false), row("35", true)]);
    let between = "/windows?from=1970-01-01T00:00:05Z&to=1970-01-01T00:00:15.000Z&limit=1000";
    assert_eq!(starts(between).await, [row("10", true), row("05", true)]);
    for (path, said) in [
        ("/windows?from=yesterday", "from is \\\"yesterday\\\""),
        ("/windows?to=2026-01-31", "write a time like"),
        ("/windows?limit=1001", "ask for 1 to 1000"),
        ("/windows.csv?limit=10001", "ask for 1 to 10000"),
    ] {
        let refused = send(&api, call("GET", path)).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_file_has_a_line_a_row_and_its_name_says_whether_it_was_cut() {
    let api = fakes(9).api();
    let whole = send(&api, call("GET", "/windows.csv")).await;
    assert_eq!(whole.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(whole.headers["content-disposition"], "attachment; filename=\"windows.csv\"");
    let lines: Vec<_> = whole.text.split("\r\n").collect();
    assert_eq!(lines[0], "window_start,window_end,final,type,records,flagged,late,amount_sum,iban_min");
    assert_eq!(lines.len(), 1 + 30 + 1, "{}", whole.text);
    assert!(whole.text.contains(",'=HYPERLINK(1),"), "no formula: {}", whole.text);
    let cut = send(&api, call("GET", "/windows.csv?limit=4")).await;
    assert_eq!(cut.headers["content-disposition"], "attachment; filename=\"windows-newest-4.csv\"");
}

#[tokio::test]
async fn the_page_has_a_chart_a_measure_with_what_is_open_and_late_and_a_table_below() {
    let api = fakes(9).api();
    let session = session(&api, READER).await;
    let page = send(&api, browse("/console/windows").header("cookie", session.clone())).await.text;
    for chart in ["chart-records", "chart-flagged", "chart-late", "chart-amount_sum"] {
        assert!(page.contains(&format!("<figure class=\"chart\" id=\"{chart}\">")), "{chart} is not in {page}");
    }
    assert!(page.contains("open: can still change") && page.contains("late records are among them"), "{page}");
    assert_eq!(
        page.matches("<time datetime=\"1970-01-01T00:00:45.000Z\">1970-01-01 00:00:45</time></th>").count(),
        3,
        "a row a type: {page}"
    );
    assert!(page.contains("\"$WEIR_URL/windows?limit=300\""), "{page}");

    let some = "/console/windows?from=1970-01-01T00%3A00%3A20&to=&limit=100&final=true";
    let page = send(&api, browse(some).header("cookie", session.clone())).await.text;
    assert!(
        !page.contains("00:00:40.000Z") && !page.contains("00:00:15.000Z") && page.contains("00:00:35.000Z"),
        "{page}"
    );
    assert!(page.contains("value=\"1970-01-01T00:00:20\"") && page.contains("checked"), "{page}");
    assert!(
        page.contains("/console/windows.csv?limit=10000&#38;from=1970-01-01T00%3A00%3A20Z&#38;final=true"),
        "{page}"
    );
    let wrong = send(&api, browse("/console/windows?from=x").header("cookie", session.clone())).await;
    assert!(wrong.status == 422 && wrong.text.contains("What to do: write a time like"), "{}", wrong.text);

    let none = send(&api, browse("/console/windows?from=2026-01-01T00:00").header("cookie", session)).await.text;
    assert!(none.contains("There is no such window") && !none.contains("<figure"), "{none}");
    assert!(
        none.contains("<section id=\"rows\" data-live></section>"),
        "the first row has a place to appear in: {none}"
    );
}

#[tokio::test]
async fn a_hundred_tabs_are_one_reader_of_the_database() {
    let fakes = Fakes { requests: 200, ..fakes(9) };
    let api = fakes.api();
    let session = session(&api, READER).await;
    let tab = |_| send(&api, browse("/console/windows").header("cookie", session.clone()));
    let answers = futures::future::join_all((0..100).map(tab)).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    // One a second, on however slow a machine: a hundred would be a read a tab.
    let read = fakes.windows_read.load(Ordering::Relaxed);
    assert!(read <= 20, "{read} reads");
    send(&api, call("GET", "/windows")).await;
    assert_eq!(fakes.windows_read.load(Ordering::Relaxed), read + 1, "a program gets what is there");
}

#[tokio::test]
async fn the_largest_page_is_small_on_the_wire() {
    let api = fakes(400).api();
    let session = session(&api, READER).await;
    for path in ["/console/windows?limit=1000", "/console/windows"] {
        let request = browse(path).header("cookie", session.clone()).header("accept-encoding", "gzip").request();
        let packed = api.clone().oneshot(request).await.unwrap();
        let bytes = axum::body::to_bytes(packed.into_body(), usize::MAX).await.unwrap();
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        println!("{path}: {} of {} bytes", bytes.len(), text.len());
        assert!(bytes.len() < 60 * 1024, "{path}: {} of {}", bytes.len(), text.len());
        assert!(text.contains("There may be older rows than these"), "{path}");
    }
}
