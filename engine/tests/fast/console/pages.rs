//! What every answer carries, and how pages treat texts of strangers.

use std::io::Read;

use flate2::read::GzDecoder;
use tower::ServiceExt;
use weir_testkit::fakes::admin::client::{Answer, call, send};
use weir_testkit::fakes::admin::{Fakes, SECRET};

use super::{ANALYST, browse, people, session, submit};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types weir";

pub(super) fn guarded(answer: &Answer, what: &str) {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("content-security-policy"), POLICY, "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "same-origin", "{what}");
    let cache = if what.contains("/assets/") && answer.status < 400 { "no-cache" } else { "no-store" };
    assert_eq!(header("cache-control"), cache, "{what}");
    // Nothing that the policy would refuse is in a page: it would be seen as an error of the console.
    for inline in ["<style", " style=", "<script>", " onclick=", " onload=", "javascript:", "http://", "https://"] {
        assert!(!answer.text.contains(inline) || !answer.text.starts_with("<!doctype"), "{what} holds {inline:?}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_a_page_to_itself() {
    let api = people().api();
    let session = session(&api, ANALYST).await;
    for path in [
        "/",
        "/console/",
        "/console/dead-letters",
        "/console/dead-letters?code=A",
        "/console/dead-letters/0@12",
        "/console/dead-letters/0@12/value",
        "/console/records/3@7",
        "/console/try",
        "/console/try?record=3@7",
        "/console/sign-in",
        "/console/nowhere",
        "/console/assets/weir.css",
        "/console/assets/no",
    ] {
        for cookie in ["", &session] {
            guarded(&send(&api, browse(path).header("cookie", cookie)).await, path);
        }
    }
    guarded(&send(&api, submit("/console/sign-in", "token=wrong")).await, "a wrong token");
    guarded(&send(&api, submit("/console/sign-in", "nothing=else")).await, "another form");
    guarded(&send(&api, call("GET", "/rules")).await, "/rules");
    guarded(&send(&api, call("GET", "/nowhere").token(None)).await, "/nowhere");
    guarded(&send(&api, call("GET", "/livez").token(None)).await, "/livez");
}

#[tokio::test]
async fn a_problem_is_a_page_at_the_console_and_json_at_the_api() {
    let api = people().api();
    let session = session(&api, ANALYST).await;
    let at = |path: &'static str| browse(path).header("cookie", session.clone());
    for (answer, status, said) in [
        (send(&api, at("/console/nowhere")).await, 404, "there is no path /console/nowhere"),
        (send(&api, at("/console/assets/nowhere.js")).await, 404, "no such part of a page"),
        (send(&api, submit("/console/", "a=b").header("cookie", session.clone())).await, 405, "does not take POST"),
        (send(&api, submit("/console/sign-in", &"a".repeat(70_000))).await, 413, "beyond the limit of this path"),
        (send(&api, submit("/console/sign-in", "nothing=else")).await, 400, "the form cannot be read"),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        assert!(answer.text.contains(said), "{said:?} is not in {}", answer.text);
    }
    let json = send(&api, call("GET", "/nowhere")).await;
    assert_eq!((json.status, json.headers["content-type"].to_str().unwrap()), (404, "application/problem+json"));
}

#[tokio::test]
async fn a_page_shows_what_strangers_wrote_as_text_and_marks_what_would_act() {
    let hostile = "<img src=x onerror=alert(1)> \"quoted\" \u{202e}backwards\u{2066} \u{0}\u{1b}[2J";
    let api = Fakes { not_ready: vec![hostile.to_owned()], ..people() }.api();
    let session = session(&api, ANALYST).await;
    let page = send(&api, browse("/console/").header("cookie", session)).await;
    assert_eq!(page.status, 200);
    let shown = "&#60;img src=x onerror=alert(1)&#62; &#34;quoted&#34; \\u{202e}backwards\\u{2066} \\u{0}\\u{1b}[2J";
    assert!(page.text.contains(shown), "{}", page.text);
    assert!(!page.text.contains(['\u{202e}', '\u{2066}', '\u{0}', '\u{1b}']) && !page.text.contains("<img"));
    assert!(page.text.contains("***@db") && !page.text.contains(SECRET), "a password of an error: {}", page.text);
}

#[tokio::test]
async fn a_browser_that_has_a_part_of_a_page_is_told_so_by_its_digest() {
    let api = Fakes::default().api();
    for (name, media_type) in [
        ("weir.css", "text/css; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("copy.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let path = format!("/console/assets/{name}");
        let first = send(&api, browse(&path)).await;
        assert_eq!((first.status, first.headers["content-type"].to_str().unwrap()), (200, media_type));
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(tag.len(), 64 + 2, "a SHA-256 in quotes");
        for (asked, status) in [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("\"x\"".into(), 200)] {
            let again = send(&api, browse(&path).header("if-none-match", asked.clone())).await;
            assert_eq!(again.status, status, "{name} {asked}");
            assert_eq!(again.text.is_empty(), status == 304);
        }
    }
}

#[tokio::test]
async fn a_page_is_small_on_the_wire_and_the_same_when_it_is_unpacked() {
    let api = Fakes { letters: 10_000, ..people() }.api();
    let session = session(&api, ANALYST).await;
    for path in [
        "/console/",
        "/console/dead-letters",
        "/console/dead-letters?code=A&limit=1000",
        "/console/dead-letters/0@12",
        "/console/assets/weir.css",
        "/console/assets/live.js",
    ] {
        let ask = || browse(path).header("cookie", session.clone());
        let whole = send(&api, ask()).await;
        assert!(!whole.headers.contains_key("content-encoding"), "{path}: nobody asked for it");
        let packed = api.clone().oneshot(ask().header("accept-encoding", "gzip, br").request()).await.unwrap();
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert_eq!(packed.headers()["vary"], "accept-encoding");
        let bytes = axum::body::to_bytes(packed.into_body(), usize::MAX).await.unwrap();
        let mut text = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert!(
            bytes.len() < whole.text.len() * 2 / 3 && bytes.len() < 60 * 1024,
            "{path}: {} of {}",
            bytes.len(),
            whole.text.len()
        );
        // A page says when it was made.
        assert_eq!(text.len(), whole.text.len(), "{path}");
    }
}
