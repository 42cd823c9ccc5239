//! What each page weighs over the wire, filled, with all that it loads: as a browser gets it that comes for the first time.

use std::collections::BTreeSet;
use std::io::Read;

use axum::Router;
use axum::http::{HeaderMap, header};
use flate2::read::GzDecoder;
use tower::ServiceExt;
use weir_testkit::fakes::admin::Fakes;

use super::needs::CONSOLE;
use super::{ANALYST, browse, people, session};

/// Bytes.
const MOST: usize = 60 * 1_024;

/// Pages that have more in them when their address asks for it.
const FULLER: [&str; 11] = [
    "/console/?page=10",
    "/console/?pin=50",
    "/console/rules?page=2",
    "/console/rules/high_amount?from=999&to=1000",
    "/console/dead-letters?code=A&limit=1000",
    "/console/windows?limit=1000",
    "/console/alerts?by=code",
    "/console/alerts?by=key",
    "/console/audit?limit=1000",
    "/console/try?record=3@7",
    "/console/try?letter=0@12",
];

struct Loaded {
    status: u16,
    /// Of headers and body.
    bytes: usize,
    is_page: bool,
    text: String,
}

async fn load(api: &Router, session: &str, path: &str) -> Loaded {
    let ask = browse(path).header("cookie", session).header("accept-encoding", "gzip, br");
    let answer = api.clone().oneshot(ask.request()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let of = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut text = String::new();
    match of(header::CONTENT_ENCODING) {
        "gzip" => drop(GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap()),
        _ => text = String::from_utf8_lossy(&body).into_owned(),
    }
    let is_page = of(header::CONTENT_TYPE).starts_with("text/html");
    Loaded { status: parts.status.as_u16(), bytes: size(&parts.headers) + body.len(), is_page, text }
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// What the page names of the console's assets.
fn assets(text: &str) -> BTreeSet<&str> {
    text.split('"').filter(|part| part.starts_with("/console/assets/")).collect()
}

#[tokio::test]
async fn every_page_weighs_60_kib_at_most_with_a_thousand_partitions_and_two_hundred_rules() {
    let api = Fakes { people: people().people, ..Fakes::filled() }.api();
    let session = session(&api, ANALYST).await;
    let (mut weighed, mut heavy) = (0, Vec::new());
    let routed = CONSOLE.iter().filter(|(method, ..)| *method == "GET").map(|(_, path, _)| *path);
    for path in routed.chain(FULLER) {
        let page = load(&api, &session, path).await;
        assert!(page.status == 200 || page.status == 303, "{path}: {}: {}", page.status, page.text);
        if !page.is_page {
            continue;
        }
        weighed += 1;
        let mut bytes = page.bytes;
        for asset in assets(&page.text) {
            bytes += load(&api, &session, asset).await.bytes;
        }
        println!("{path}: {bytes} bytes over the wire, {} unpacked", page.text.len());
        if bytes > MOST {
            heavy.push(format!("{path}: {bytes} bytes"));
        }
    }
    assert!(weighed > FULLER.len() + 8, "only {weighed} pages");
    assert!(heavy.is_empty(), "above {MOST} bytes: {heavy:?}");
}

#[tokio::test]
async fn the_filled_pages_are_full() {
    let api = Fakes { people: people().people, ..Fakes::filled() }.api();
    let session = session(&api, ANALYST).await;
    for (path, rows) in [
        ("/console/", 100),
        ("/console/rules", 100),
        ("/console/rules/high_amount", 20),
        ("/console/dead-letters", 100 + 50),
        ("/console/dead-letters?code=A&limit=1000", 200),
        ("/console/windows?limit=1000", 200),
        ("/console/alerts", 50),
        ("/console/audit?limit=1000", 1_000),
        ("/console/try?record=3@7", 200),
    ] {
        let page = load(&api, &session, path).await;
        let found = page.text.matches("<tr").count();
        assert!(found > rows, "{path} has {found} rows, and {rows} are what it lists at most");
    }
}
