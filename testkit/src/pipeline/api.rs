//! The admin API of a test's pipeline, asked over HTTP.

use std::time::Duration;

use serde_json::Value;

use crate::pipeline::TestPipeline;

/// Status and body of one request; None: nobody answered.
pub fn ask(admin: u16, method: &str, path: &str, kind: &str, body: &[u8]) -> Option<(u16, String)> {
    ask_as(None, admin, method, path, kind, body)
}

/// The same of somebody with this token, where people are asked for one.
pub fn ask_as(
    token: Option<&str>,
    admin: u16,
    method: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> Option<(u16, String)> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:{admin}{path}"))
        .header("content-type", kind);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(body).expect("a request");
    let mut answer = agent.run(request).ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some((answer.status().as_u16(), text))
}

/// Status and text of `GET /readyz`; 0: nobody answered.
pub fn readyz(admin: u16) -> (u16, String) {
    ask(admin, "GET", "/readyz", "text/plain", b"").unwrap_or_default()
}

/// What `GET /pipeline` says of each partition that the instance has.
fn partitions(admin: u16) -> Option<Vec<Value>> {
    let (_, text) = ask(admin, "GET", "/pipeline", "application/json", b"")?;
    serde_json::from_str::<Value>(&text).ok()?["partitions"].as_array().cloned()
}

/// How many partitions the instance has, if all of them flow.
pub fn flowing(admin: u16) -> Option<usize> {
    let of = partitions(admin)?;
    of.iter().all(|partition| partition["state"] == "running").then_some(of.len())
}

/// Records that are not judged yet. None: that is not known of each of so many partitions.
pub fn behind(admin: u16, count: usize) -> Option<i64> {
    let of = partitions(admin).filter(|of| of.len() == count)?;
    of.iter().map(|partition| partition["lag"].as_i64()).sum()
}

impl TestPipeline {
    /// One request that must succeed; its answer.
    fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Value {
        let (status, text) =
            ask(self.admin, method, path, kind, body).unwrap_or_else(|| panic!("{method} {path}: no answer"));
        assert!((200..300).contains(&status), "{method} {path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|why| panic!("{method} {path}: {why}: {text}"))
    }

    /// GET; it must succeed.
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path, "application/json", b"")
    }

    /// PATCH with JSON; it must succeed.
    pub fn patch(&self, path: &str, body: &Value) -> Value {
        self.call("PATCH", path, "application/json", body.to_string().as_bytes())
    }

    /// DELETE; it must succeed.
    pub fn delete(&self, path: &str) -> Value {
        self.call("DELETE", path, "application/json", b"")
    }

    /// Takes the rule back to the version before; it must succeed.
    pub fn roll_back(&self, rule: &str) -> Value {
        self.call("POST", &format!("/rules/{rule}/rollback"), "application/json", b"")
    }

    /// POST /rules; the sha256 that it answers.
    pub fn publish(&self, wasm: &[u8]) -> String {
        let answer = self.call("POST", "/rules", "application/wasm", wasm);
        answer["sha256"].as_str().expect("a sha256").to_owned()
    }

    /// Whether `/readyz` says 200.
    pub fn is_ready(&self) -> bool {
        self.readyz().0 == 200
    }

    /// Status and text of `/readyz`; 0: nobody answered.
    pub fn readyz(&self) -> (u16, String) {
        readyz(self.admin)
    }

    /// The rule of that name in GET /rules.
    pub fn rule(&self, name: &str) -> Option<Value> {
        let rules = self.get("/rules");
        rules["rules"].as_array().expect("rules").iter().find(|rule| rule["name"] == name).cloned()
    }

    /// The sha256 that is in force; None: there is no such rule.
    pub fn in_force(&self, name: &str) -> Option<String> {
        Some(self.rule(name)?["sha256"].as_str()?.to_owned())
    }

    /// Sum of a metric over those of its series that carry the label text; 0 where there is none.
    pub fn metric(&self, name: &str, label: &str) -> Option<f64> {
        let (_, text) = ask(self.admin, "GET", "/metrics", "text/plain", b"")?;
        let series = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
        });
        let values: Vec<f64> = series.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}
