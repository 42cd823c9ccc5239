//! What each path needs of its caller, in one place. Denies by default: whatever is not a read needs `publish`, an unknown
//! path included.

use axum::http::Method;

use crate::config::May;

/// Where people sign in. Open to all.
pub(in crate::admin) const SIGN_IN: &str = "/console/sign-in";
/// Where a session ends. Open to all: it takes nothing but the caller's own cookie.
pub(in crate::admin) const SIGN_OUT: &str = "/console/sign-out";
/// Begins the paths of what pages are made of. Open to all, as the page to sign in needs them.
const ASSETS: &str = "/console/assets/";

/// Whether an orchestrator asks: it has no token, calls by whatever name, and would kill an engine that it cannot see.
pub(in crate::admin) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// Whether the path is the console's, where a session is as good as a token.
pub(in crate::admin) fn is_console(path: &str) -> bool {
    path == "/" || path == "/console" || path.starts_with("/console/")
}

/// None: open to all.
pub(in crate::admin) fn needed(method: &Method, path: &str) -> Option<May> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    match path {
        _ if is_probe(path) => None,
        SIGN_IN | SIGN_OUT => None,
        _ if reads && path.starts_with(ASSETS) => None,
        // Judges what the caller brings, and changes nothing.
        "/evaluate" | "/console/try" => Some(May::Read),
        _ if reads => Some(May::Read),
        _ => Some(May::Publish),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_needs_most() {
        let needs = |method: &str, path: &str| needed(&Method::from_bytes(method.as_bytes()).expect("a method"), path);
        for (method, path, wanted) in [
            ("GET", "/livez", None),
            ("GET", "/livez/", Some(May::Read)),
            ("GET", "/readyz", None),
            ("GET", "/", Some(May::Read)),
            ("GET", "/rules", Some(May::Read)),
            ("HEAD", "/rules", Some(May::Read)),
            ("POST", "/evaluate", Some(May::Read)),
            ("POST", "/evaluate/", Some(May::Publish)),
            ("POST", "/console/try", Some(May::Read)),
            ("PUT", "/console/dead-letters", Some(May::Publish)),
            ("POST", "/rules", Some(May::Publish)),
            ("TRACE", "/rules", Some(May::Publish)),
            ("GET", "/nowhere", Some(May::Read)),
            ("POST", "/nowhere", Some(May::Publish)),
            ("GET", "/console/", Some(May::Read)),
            ("GET", "/console/sign-in", None),
            ("POST", "/console/sign-in", None),
            ("POST", "/console/sign-out", None),
            ("GET", "/console/assets/weir.css", None),
            ("POST", "/console/assets/weir.css", Some(May::Publish)),
            ("POST", "/console/whatever-comes", Some(May::Publish)),
        ] {
            assert_eq!(needs(method, path), wanted, "{method} {path}");
        }
    }
}
