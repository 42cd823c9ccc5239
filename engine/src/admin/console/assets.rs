//! What pages are made of beside themselves: one style, a few scripts, an icon. They are in the binary as they are in
//! `engine/assets/`, and a browser that has one is told so by its digest.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::super::problem::ProblemKind;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    etag: String,
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        asset("weir.css", "text/css; charset=utf-8", include_bytes!("../../../assets/weir.css")),
        asset("live.js", "text/javascript; charset=utf-8", include_bytes!("../../../assets/live.js")),
        asset("copy.js", "text/javascript; charset=utf-8", include_bytes!("../../../assets/copy.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../../../assets/icon.svg")),
    ]
});

fn asset(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, media_type, bytes, etag: format!("\"{}\"", hex::encode(Sha256::digest(bytes))) }
}

/// An asset, or that the browser has it already. Asked for each time: another version of Weir may have another one.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return ProblemKind::NotFound
            .problem("there is no such part of a page", "open the page again: another version of Weir may have made it")
            .into_response();
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let has_it = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == asset.etag);
    let etag = HeaderValue::from_str(&asset.etag).expect("hex in quotes");
    let cache = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    match has_it {
        true => (StatusCode::NOT_MODIFIED, cache).into_response(),
        false => {
            let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type))];
            (cache, media_type, Body::from(asset.bytes)).into_response()
        }
    }
}
