//! Someone who guesses tokens: every guess gets the same answer, none is written down, and the log stays short.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{PUBLISHER, VIEWER, get, served};

const GUESSES: usize = 3_000;

/// Ever closer to a token that is one, and far from it.
fn guess(number: usize) -> String {
    let token = if number.is_multiple_of(2) { PUBLISHER } else { VIEWER };
    match number % 6 {
        0 | 1 => token[..1 + number % (token.len() - 1)].to_owned(),
        2 => format!("{token}{number}"),
        3 => token.to_uppercase(),
        4 => format!("{number:x}").repeat(200),
        _ => format!("{}{number}", &token[..token.len() - 1]),
    }
}

#[test]
fn every_guess_gets_the_same_answer_and_thousands_leave_a_line_in_the_log() {
    let _alone = alone();
    let (pipeline, engine) = served("guesses");
    let log = || std::fs::read_to_string(pipeline.folder.path().join("run.log")).unwrap();
    let before = log().len();
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(30))).build().into();
    let mut answers = BTreeSet::new();
    for number in 0..GUESSES {
        let path = ["/rules", "/nowhere", "/metrics", "/rules/high_amount"][number % 4];
        let asked = agent.get(format!("http://127.0.0.1:{}{path}", pipeline.admin));
        let mut answer = asked.header("authorization", format!("Bearer {}", guess(number))).call().unwrap();
        let headers = answer.headers().iter().filter(|(name, _)| *name != "date");
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        let body = answer.body_mut().read_to_string().unwrap();
        answers.insert(format!("{} {headers:?} {body}", answer.status()));
    }
    assert_eq!(answers.len(), 1, "an answer that differs tells something: {answers:#?}");
    assert!(answers.first().unwrap().starts_with("401 "), "{answers:#?}");

    let log = log();
    let new = &log[before..];
    assert_eq!(new.matches("without a valid token").count(), 1, "{new}");
    assert!(new.len() < 4_096, "{} bytes of log for {GUESSES} guesses: {new}", new.len());
    let told = [guess(2), guess(4), PUBLISHER.to_owned(), VIEWER.to_owned()];
    assert!(told.iter().all(|token| !new.contains(token)), "{new}");

    let (status, metrics) = get(&pipeline, "/metrics", VIEWER);
    assert_eq!(status, 200, "the right token is let in at once");
    assert!(metrics.contains(&format!("weir_admin_unauthorized_requests_total {GUESSES}\n")), "{metrics}");
    engine.stop();
}
