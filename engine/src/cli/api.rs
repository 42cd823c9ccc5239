//! The admin API as a client sees it: one request, its answer as JSON, a refusal as one line with what to fix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::RequestBuilder;
use ureq::typestate::WithBody;

use super::printable::printable;
use crate::config::{Config, Tokens};

// The variables are read below and not by clap's `env`: an option counts before the configuration, which counts before a variable,
// and clap knows no place between the first and the last; a variable that is set to nothing counts as none.
/// Where the service is and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct Api {
    /// The admin API; WEIR_URL, or http://127.0.0.1:8080, unless given
    #[arg(long)]
    url: Option<String>,
    /// A token, where the service asks for one; WEIR_TOKEN unless given
    #[arg(long)]
    token: Option<SecretString>,
    /// A file that holds the token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// The service's configuration, whose admin.listen and admin.tokens are taken where no option says otherwise
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where to ask, and with which tokens: a configuration may have one for reading and one for all.
pub(super) struct Client {
    base: String,
    reads: Option<SecretString>,
    writes: Option<SecretString>,
    /// Revision of the rule set that changes were decided on: on another they are refused.
    seen: Option<u64>,
}

impl Api {
    /// Reads the files that the options name; asks nobody.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let admin = match &self.config {
            Some(file) => Some(Config::load(file).with_context(|| file.display().to_string())?.admin),
            None => None,
        };
        let listens = admin.as_ref().map(|admin| format!("http://{}", reachable(admin.listen)));
        let base = filled(self.url.clone()).or(listens).or_else(|| variable("WEIR_URL"));
        let base = base.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let Tokens { viewer, publisher } = admin.map(|admin| admin.tokens).unwrap_or_default();
        let given = self.token.clone().filter(|token| !token.expose_secret().is_empty()).or(self.file()?);
        let variable = || variable("WEIR_TOKEN").map(SecretString::from).filter(|_| self.config.is_none());
        let one = given.or_else(variable);
        Ok(Client {
            base: base.trim_end_matches('/').to_owned(),
            reads: one.clone().or_else(|| viewer.or_else(|| publisher.clone())),
            writes: one.or(publisher),
            seen: None,
        })
    }

    fn file(&self) -> anyhow::Result<Option<SecretString>> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
        Ok(filled(Some(text.trim().to_owned())).map(SecretString::from))
    }
}

/// Who listens on every address is asked on the loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

impl Client {
    pub(super) fn url(&self) -> &str {
        &self.base
    }

    /// Changes are made on this revision of the rule set only; None: on whatever it is.
    pub(super) fn decided_on(self, revision: Option<u64>) -> Self {
        Self { seen: revision, ..self }
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        answer(authorized(agent().get(&url), self.reads.as_ref()).call().with_context(|| no_answer(&url))?)
    }

    /// A question with a body that changes nothing, for which the token for reading is enough.
    pub(super) fn ask(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        send(authorized(agent().post(&url), self.reads.as_ref()), &url, kind, body)
    }

    pub(super) fn post(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        send(self.changing(agent().post(&url)), &url, kind, body)
    }

    pub(super) fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        send(self.changing(agent().patch(&url)), &url, "application/json", body.to_string().as_bytes())
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        answer(self.changing(agent().delete(&url)).call().with_context(|| no_answer(&url))?)
    }

    /// With the token that changes, and the revision that the change was decided on.
    fn changing<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let request = authorized(request, self.writes.as_ref());
        match self.seen {
            Some(revision) => request.header("if-match", format!("\"{revision}\"")),
            None => request,
        }
    }
}

fn authorized<B>(request: RequestBuilder<B>, token: Option<&SecretString>) -> RequestBuilder<B> {
    match token {
        Some(token) => request.header("authorization", format!("Bearer {}", token.expose_secret())),
        None => request,
    }
}

fn send(request: RequestBuilder<WithBody>, url: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
    let mut request = request.header("content-type", kind);
    // A service that refuses a body by its length hangs up while it comes: asked first, it says why instead.
    if body.len() > ASKED_FIRST {
        request = request.header("expect", "100-continue");
    }
    answer(request.send(body).with_context(|| no_answer(url))?)
}

/// Bytes of a body: what is smaller is in the sockets' buffers, and the answer is read all the same.
const ASKED_FIRST: usize = 64 * 1024;

/// A text as a value of a query.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let of = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(of).collect()
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// An empty variable or option counts as none: `Authorization: Bearer ` would be refused where no token at all is let in.
fn variable(name: &str) -> Option<String> {
    filled(std::env::var(name).ok())
}

/// Time-out of a whole request: twice what the service itself allows one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

fn no_answer(url: &str) -> String {
    format!("no answer from {url} (start the engine, or say where it is by --url, WEIR_URL or --config)")
}

/// A refusal is an answer to read, not an error of the connection.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(REQUEST_TIMEOUT)).build().into()
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Value> {
    let status = response.status();
    let body = response.body_mut().read_to_string().context("the answer broke off")?;
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if status.is_success() { Ok(value) } else { bail!("{}", printable(&problem(status.as_u16(), &value))) }
}

/// A problem+json answer as one line.
fn problem(status: u16, value: &Value) -> String {
    let moved = moved(&value["moved"]["changes"]);
    match (value["detail"].as_str(), value["hint"].as_str()) {
        (Some(detail), Some(hint)) => format!("{detail}{moved}; {hint}"),
        (Some(detail), None) => format!("{detail}{moved}"),
        _ => format!("the service answered {status}"),
    }
}

/// What differs since a change was decided on, as part of a line; empty: nothing is known of it.
fn moved(changes: &Value) -> String {
    let changes: Vec<_> = changes.as_array().into_iter().flatten().map(difference).collect();
    if changes.is_empty() { String::new() } else { format!(" ({})", changes.join(", ")) }
}

/// `high_amount mode: live -> shadow`
pub(super) fn difference(change: &Value) -> String {
    let text = |key: &str| change[key].as_str().unwrap_or("–");
    format!("{} {}: {} -> {}", text("rule"), text("setting"), text("from"), text("to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_never_answers_is_not_waited_for_for_ever() {
        assert_eq!(agent().config().timeouts().global, Some(REQUEST_TIMEOUT));
    }

    #[test]
    fn a_service_that_listens_everywhere_is_asked_on_this_machine() {
        let asked = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:8080"), "[::1]:8080");
        assert_eq!(asked("10.0.0.5:9"), "10.0.0.5:9");
    }

    #[test]
    fn a_reason_is_a_value_of_a_query() {
        assert_eq!(encoded("lower limit & ü_1"), "lower%20limit%20%26%20%C3%BC_1");
    }

    #[test]
    fn a_problem_is_one_line_with_what_to_fix() {
        let value = serde_json::json!({ "detail": "the pipeline has no field x", "hint": "declare it" });
        assert_eq!(problem(422, &value), "the pipeline has no field x; declare it");
        assert_eq!(problem(502, &Value::Null), "the service answered 502");
        let changes = serde_json::json!([
            { "rule": "r", "setting": "mode", "from": "live", "to": "shadow" },
            { "rule": "r", "setting": "parameters.limit", "from": "5", "to": null },
        ]);
        let value = serde_json::json!({ "detail": "it moved", "hint": "look", "moved": { "changes": changes } });
        assert_eq!(problem(409, &value), "it moved (r mode: live -> shadow, r parameters.limit: 5 -> –); look");
    }
}
