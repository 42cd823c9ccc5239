//! The console over the API's ports: who comes in and how long, what each path needs, the headers of every answer, what a page
//! shows of strangers' texts, and what is hidden from whom.

mod alerts;
mod by_hand;
mod every_path;
mod letters;
mod needs;
mod now;
mod pages;
mod rules;
mod sensitive;
mod sessions;
mod try_record;
mod weight;
mod windows;

use axum::Router;
use weir::config::May;
use weir_testkit::fakes::admin::client::{Answer, Call, call, send};
use weir_testkit::fakes::admin::{Fakes, PUBLISHER, VIEWER};

/// Tokens of people.
pub(crate) const READER: &str = "reader-token-number-3";
pub(crate) const ANALYST: &str = "analyst-token-number-4";
pub(crate) const ROBOT: &str = "robot-token-number-5";

/// Everybody: people may all that somebody may without a name.
pub(crate) fn people() -> Fakes {
    let people = vec![
        ("rea", READER, vec![May::Read]),
        ("ana", ANALYST, May::ALL.to_vec()),
        ("robot", ROBOT, vec![May::Publish]),
    ];
    Fakes { people, ..Fakes::default() }
}

/// As a browser asks for a page: without a token.
pub(crate) fn browse(path: &str) -> Call<'_> {
    call("GET", path).token(None).header("host", "localhost:8080")
}

/// As a browser sends the form of a page of this service.
pub(crate) fn submit<'a>(path: &'a str, body: &str) -> Call<'a> {
    let form = call("POST", path).token(None).body("application/x-www-form-urlencoded", body);
    form.header("host", "localhost:8080").header("origin", "http://localhost:8080")
}

/// The cookie of a session that this token begins, as a browser sends it back.
pub(crate) async fn session(api: &Router, token: &str) -> String {
    let answer = send(api, submit("/console/sign-in", &format!("token={token}"))).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    cookie(&answer).split(';').next().unwrap().to_owned()
}

/// What an answer makes a browser keep.
pub(crate) fn cookie(answer: &Answer) -> &str {
    answer.headers["set-cookie"].to_str().unwrap()
}

pub(crate) fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

/// Both tokens without a name.
pub(crate) const ROLES: [(&str, &str); 2] = [("viewer", VIEWER), ("publisher", PUBLISHER)];
