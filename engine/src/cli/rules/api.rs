//! The admin API as a client sees it: one request, its answer as JSON, a refusal as one line with what to mend.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::printable::printable;

/// Where the service is and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct Api {
    /// The admin API; WEIR_URL, or http://127.0.0.1:8080, unless given
    #[arg(long)]
    url: Option<String>,
    /// A token, where the service asks for one; WEIR_TOKEN unless given
    #[arg(long)]
    token: Option<String>,
}

impl Api {
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = self.url(path);
        let mut request = agent().get(&url);
        if let Some(token) = self.token() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.call().with_context(|| format!("no answer from {url}"))?)
    }

    pub(super) fn post(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        let url = self.url(path);
        let mut request = agent().post(&url).header("content-type", kind);
        if let Some(token) = self.token() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.send(body).with_context(|| format!("no answer from {url}"))?)
    }

    fn url(&self, path: &str) -> String {
        let base = given(self.url.as_deref(), "WEIR_URL").unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        format!("{}{path}", base.trim_end_matches('/'))
    }

    fn token(&self) -> Option<String> {
        given(self.token.as_deref(), "WEIR_TOKEN")
    }
}

/// The option, else the variable. An empty one counts as none: `Authorization: Bearer ` would be refused where no
/// token at all is let in.
fn given(option: Option<&str>, variable: &str) -> Option<String> {
    let filled = |text: &String| !text.is_empty();
    option.map(str::to_owned).filter(filled).or_else(|| std::env::var(variable).ok()).filter(filled)
}

/// Of a whole request: twice what the service itself allows one.
const PATIENCE: Duration = Duration::from_secs(60);

/// A refusal is an answer to read, not an error of the connection.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.body_mut().read_to_string().context("the answer broke off")?;
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if status.is_success() { Ok(value) } else { bail!("{}", printable(&problem(status.as_u16(), &value))) }
}

/// A problem+json answer as one line.
fn problem(status: u16, value: &Value) -> String {
    match (value["detail"].as_str(), value["mend"].as_str()) {
        (Some(detail), Some(mend)) => format!("{detail}; {mend}"),
        (Some(detail), None) => detail.to_owned(),
        _ => format!("the service answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_never_answers_is_not_waited_for_for_ever() {
        assert_eq!(agent().config().timeouts().global, Some(PATIENCE));
    }

    #[test]
    fn a_problem_is_one_line_with_what_to_mend() {
        let value = serde_json::json!({ "detail": "the pipeline has no field x", "mend": "declare it" });
        assert_eq!(problem(422, &value), "the pipeline has no field x; declare it");
        assert_eq!(problem(502, &Value::Null), "the service answered 502");
    }
}
