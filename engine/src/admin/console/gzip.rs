//! Smaller answers for browsers that take gzip: tables shrink to a tenth. Only what the console serves, which holds no secret that
//! a length could tell: a stranger's page makes no request with a session's cookie.

use std::io::Write;

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes below which an answer is sent as it is.
const LEAST: usize = 1_024;
/// Of flate2, 0 to 9. Higher ones make scripts and styles one hundredth smaller at most.
const LEVEL: u32 = 4;
/// Bytes above which it is: a page has a tenth of it at most, and a download is not held in memory.
const MOST: usize = 1 << 20;

/// Whether the browser takes gzip. A weight of nothing (`gzip;q=0`) says that it does not.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').map_or((one, ""), |(name, weight)| (name, weight));
        let is_none = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_none
    })
}

/// The answer, smaller if it is a text of some length.
pub(super) async fn smaller(response: Response) -> Response {
    let size = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_text =
        ["text/html", "text/css", "text/javascript", "image/svg+xml"].iter().any(|text| kind.starts_with(text));
    if !is_text || size.is_none_or(|size| !(LEAST..=MOST).contains(&size)) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, MOST).await.unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::with_capacity(whole.len() / 4), Compression::new(LEVEL));
    let packed = encoder.write_all(&whole).and_then(|()| encoder.finish()).expect("a Vec takes everything");
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The same content, in other bytes.
    if let Some(tag) = parts.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Ok(weak) = HeaderValue::try_from(format!("W/{tag}"))
    {
        parts.headers.insert(header::ETAG, weak);
    }
    Response::from_parts(parts, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_says_that_it_takes_gzip() {
        for (text, takes) in [
            ("gzip, deflate, br", true),
            ("br, GZIP;q=0.5", true),
            ("identity", false),
            ("", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("x-gzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            assert_eq!(takes_gzip(&headers), takes, "{text}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
