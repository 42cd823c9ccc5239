//! The console: pages over the same views as the JSON API, made here, that read and act without scripts. One file a page. A page
//! shows what the API has a path for, and every change of a page is a form.
//!
//! `templates/` are what pages look like; `assets/` are style and scripts, which are served as they are. What a script keeps fresh is
//! marked `data-live` and has an id (`assets/live.js`). A further page is a file here with its template, a route below, a link in
//! `templates/base.html`, and a row in the table of `engine/tests/fast/console/needs.rs`; a form has one in the table below, too.

mod alerts;
mod assets;
mod chart;
mod dress;
mod gzip;
mod now;
mod number;
mod page;
mod sign_in;
mod text;
mod windows;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};

use super::AdminState;
use super::auth::{SIGN_IN, SIGN_OUT};
use super::extract::BodyLimit;

pub(super) use dress::dress;
pub(super) use text::Shown;

/// The first page.
const HOME: &str = "/console/";
/// Body of a form without a file: a token, a reason, some settings.
const FORM: usize = 64 * 1024;

/// Every path of the console.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/", get(to_first))
        .route("/console", get(to_first))
        .route(HOME, get(now::show))
        .route("/console/windows", get(windows::show))
        .route("/console/windows.csv", get(windows::csv))
        .route("/console/alerts", get(alerts::show))
        .route(SIGN_IN, get(sign_in::show).post(sign_in::sign_in))
        .route(SIGN_OUT, post(sign_in::sign_out))
        .route("/console/assets/{name}", get(assets::serve))
        .layer(BodyLimit::layer(FORM))
}

async fn to_first() -> Response {
    page::see_other(HOME)
}

/// Whether a text is path and query of one of these pages, and no way out of them: a browser reads `//host` and `/\host` as another
/// host.
fn is_page(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    text.starts_with(HOME) && !text.contains("//") && text.chars().all(plain) && !text.starts_with(SIGN_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_console_is_no_page_of_it() {
        for (text, is_one) in [
            ("/console/", true),
            ("/console/rules/high_amount?limit=5", true),
            ("", false),
            ("/", false),
            ("//evil.example/console/", false),
            ("/console//evil.example", false),
            ("/console/\\evil.example", false),
            ("https://evil.example/console/", false),
            ("/console/\r\nset-cookie: a=b", false),
            ("/console/sign-in?next=/console/", false),
            ("/consolex", false),
        ] {
            assert_eq!(is_page(text), is_one, "{text:?}");
        }
    }

    /// Each form of each template, so that none is left out of what [`crate::admin::auth`] asks for.
    #[test]
    fn every_form_of_a_page_has_a_path_that_says_what_it_needs() {
        use axum::http::Method;

        use crate::admin::auth::needed;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut forms = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).expect("templates") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a template");
            for form in text.split("<form ").skip(1) {
                let tag = form.split('>').next().expect("a tag ends");
                let of = |name: &str| tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
                let (method, action) = (of("method").expect("a method"), of("action").expect("an action"));
                forms.insert((method.to_uppercase(), action.to_owned()));
            }
        }
        let needs = forms.iter().map(|(method, action)| {
            let needed = needed(&Method::from_bytes(method.as_bytes()).expect("a method"), action);
            (method.as_str(), action.as_str(), needed.map(crate::config::May::word))
        });
        // A new form is written down here with what it needs.
        let table = [("POST", "/console/sign-in", None), ("POST", "/console/sign-out", None)];
        assert_eq!(needs.collect::<Vec<_>>(), table);
    }
}
