//! The console: pages over the same views as the JSON API, made here, that read and act without scripts. One file a page. A page
//! shows what the API has a path for, and every change of a page is a form.
//!
//! `templates/` are what pages look like; `assets/` are style and scripts, which are served as they are. What a script keeps fresh is
//! marked `data-live` and has an id (`assets/live.js`). A further page is a file here with its template, a route below, a link in
//! `templates/base.html`, and a row in the table of `engine/tests/fast/console/needs.rs`; a form has one in the table below, too.

mod alerts;
mod assets;
mod audit;
mod change_form;
mod chart;
mod dress;
mod gzip;
mod letter;
mod letters;
mod moment;
mod now;
mod number;
mod page;
mod plan;
mod publish;
mod record;
mod rule;
mod rule_compared;
mod rule_retired;
mod rule_rows;
mod rules;
mod sign_in;
mod span;
mod state;
mod text;
mod trend;
mod try_record;
mod uploaded;
mod windows;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};

use super::AdminState;
use super::auth::{SIGN_IN, SIGN_OUT};
use super::extract::BodyLimit;
use super::records_api;

pub(super) use dress::dress;
pub(super) use sign_in::FORMS as SIGN_INS;
pub(super) use text::Shown;
pub(super) use uploaded::Uploaded;

/// The first page.
const HOME: &str = "/console/";
/// Body of a form without a file: a token, a reason, some settings.
const FORM: usize = 64 * 1024;

/// Every path of the console. `module_limit`: bytes of a module at most.
pub(super) fn routes(module_limit: usize) -> Router<AdminState> {
    let uploads = Router::new()
        .route("/console/publish", get(publish::show).post(publish::check))
        // The file, and the form around it.
        .layer(BodyLimit::layer(module_limit.saturating_add(FORM)));
    Router::new()
        .route("/", get(to_first))
        .route("/console", get(to_first))
        .route(HOME, get(now::show))
        .route("/console/windows", get(windows::show))
        .route("/console/windows.csv", get(windows::csv))
        .route("/console/alerts", get(alerts::show))
        .route(SIGN_IN, get(sign_in::show).post(sign_in::sign_in))
        .route(SIGN_OUT, post(sign_in::sign_out))
        .route("/console/rules", get(rules::show))
        .route("/console/rules/{name}", get(rule::show))
        .route("/console/rules/{name}/plan", post(plan::plan))
        .route("/console/rules/{name}/change", post(plan::change))
        .route("/console/publish/confirm", post(publish::publish))
        .route("/console/audit", get(audit::show))
        .route("/console/dead-letters", get(letters::show))
        .route("/console/dead-letters.ndjson", get(records_api::letters_ndjson))
        .route("/console/dead-letters/{position}", get(letter::show))
        .route("/console/dead-letters/{position}/value", get(records_api::letter_value))
        .route("/console/records/{position}", get(record::show))
        .route("/console/records/{position}/value", get(records_api::record_value))
        .route("/console/try", get(try_record::show).post(try_record::submit))
        .route("/console/assets/{name}", get(assets::serve))
        .layer(BodyLimit::layer(FORM))
        .merge(uploads)
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
pub(super) mod tests {
    use super::*;
    use crate::admin::views::RuleView;

    /// A live rule of which nothing is known yet.
    pub(in crate::admin) fn rule_view(name: &str) -> RuleView {
        RuleView {
            name: name.into(),
            version: "1.0.0".into(),
            summary: "Says.".into(),
            sha256: "ab".repeat(32),
            mode: crate::model::catalog::Mode::Live,
            order: 0,
            parameters: Default::default(),
            set: Vec::new(),
            codes: Vec::new(),
            records: 0,
            hits: 0,
            trend: Vec::new(),
            failures: 0,
            skipped: 0,
            ns_per_record: None,
            budget_ns: None,
            origin: None,
            source: None,
            suspended: None,
            sampled_one_in: None,
            last_change: None,
            counted_by: 1,
            counted_since: None,
        }
    }

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
        let table = [
            ("GET", "/console/alerts", Some("read")),
            ("GET", "/console/audit", Some("read")),
            ("GET", "/console/dead-letters", Some("read")),
            ("GET", "/console/rules/{{ name }}#compare", Some("read")),
            ("GET", "/console/try", Some("read")),
            ("GET", "/console/windows", Some("read")),
            ("POST", "/console/publish", Some("publish")),
            ("POST", "/console/publish/confirm", Some("publish")),
            ("POST", "/console/rules/{{ name }}/plan", Some("publish")),
            ("POST", "/console/rules/{{ rule }}/change", Some("publish")),
            ("POST", "/console/sign-in", None),
            ("POST", "/console/sign-out", None),
            ("POST", "/console/try", Some("read")),
        ];
        assert_eq!(needs.collect::<Vec<_>>(), table);
    }
}
