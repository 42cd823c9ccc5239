//! What the console makes of every answer: headers by which a browser runs no script, shows no frame and keeps no copy that is
//! not meant, and of a problem at one of its paths a page.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::super::AdminState;
use super::super::auth::{Principal, SIGN_IN, is_console};
use super::super::origin::led_here;
use super::super::problem::Problem;
use super::gzip::{self, takes_gzip};
use super::page::{Frame, page, see_other};
use super::{HOME, is_page};

/// Nothing but what this service itself serves, and no text becomes a script unless the policy `weir` of `live.js` made it one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types weir";

/// `same-origin` and not `no-referrer`: with that a browser says `Origin: null` of a form, which could not be told from one of a
/// stranger's page. To other sites neither tells anything.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
];

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    problem: Problem,
    /// `urn:weir:problem:…`
    kind: String,
}

#[derive(Template)]
#[template(path = "go_on.html")]
struct GoOn {
    frame: Frame,
    to: String,
}

/// The outermost layer.
pub(in crate::admin) async fn dress(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    let asked = is_console(request.uri().path()).then(|| Asked::of(&request));
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(asked) = asked {
        let takes_gzip = asked.takes_gzip;
        if let Some(problem) = problem {
            response = asked.answer(&state, problem, response);
        }
        if takes_gzip {
            response = gzip::smaller(response).await;
        }
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What of a request decides how its answer looks.
struct Asked {
    /// Path and query, if it is a page that somebody wants to see.
    page: Option<String>,
    /// Whether another site led to it.
    led: bool,
    takes_gzip: bool,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let whole = |uri: &Uri| uri.path_and_query().map(|whole| whole.as_str().to_owned());
        let reads = *request.method() == Method::GET;
        let page = whole(request.uri()).filter(|_| reads).map(|to| if is_page(&to) { to } else { HOME.to_owned() });
        let headers = request.headers();
        Self { page, led: led_here(headers), takes_gzip: takes_gzip(headers) }
    }

    /// The problem as a page, or the way to where it is mended.
    fn answer(self, state: &AdminState, problem: Problem, bare: Response) -> Response {
        let who = bare.extensions().get::<Principal>().cloned().unwrap_or_else(Principal::nobody);
        let frame = Frame::new(state, &who, "");
        let status = bare.status();
        match self.page {
            // A browser sends no cookie where another site led to. From a page of this service it does.
            Some(to) if status == StatusCode::UNAUTHORIZED && self.led => page(StatusCode::OK, &GoOn { frame, to }),
            Some(to) if status == StatusCode::UNAUTHORIZED => see_other(&format!("{SIGN_IN}?next={}", encoded(&to))),
            _ => {
                let mut response = page(status, &ProblemPage { frame, kind: problem.r#type.clone(), problem });
                keep(bare.headers(), response.headers_mut());
                response
            }
        }
    }
}

/// What an answer says beside its body.
pub(super) fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in [header::RETRY_AFTER, header::ALLOW, header::CONNECTION] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// As a value of a query.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_value_of_a_query() {
        assert_eq!(encoded("/console/rules?limit=5&x=a b#é"), "/console/rules%3Flimit%3D5%26x%3Da%20b%23%C3%A9");
    }
}
