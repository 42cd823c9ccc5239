//! `weir rules` and `weir status` against a service that only answers what it is told: what is asked, with which token, and what
//! is said.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread::JoinHandle;

/// Answers one request after the other and returns their heads.
fn service(answers: Vec<&'static str>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = std::thread::spawn(move || {
        let answer = |body: &str| {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut sent = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut sent).unwrap();
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
            head
        };
        answers.into_iter().map(answer).collect()
    });
    (url, heads)
}

fn rules(url: &str, token: Option<&str>, arguments: &[&str]) -> String {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    weir.arg("rules").args(arguments).env("WEIR_URL", url).env_remove("WEIR_TOKEN");
    if let Some(token) = token {
        weir.env("WEIR_TOKEN", token);
    }
    let output = weir.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const LIST: &str = r#"{"revision":1,"rules":[],"file_problems":[]}"#;

#[test]
fn an_empty_token_is_none() {
    for (token, wanted) in
        [(None, None), (Some(""), None), (Some("viewer-of-these-tests"), Some("bearer viewer-of-these-tests"))]
    {
        let (url, heads) = service(vec![LIST]);
        rules(&url, token, &["list"]);
        let heads = heads.join().unwrap();
        let sent = heads[0].lines().find_map(|line| line.strip_prefix("authorization: "));
        assert_eq!(sent, wanted, "WEIR_TOKEN={token:?}");
    }
    let (url, heads) = service(vec![LIST]);
    rules(&url, Some(""), &["list", "--token", ""]);
    assert!(!heads.join().unwrap()[0].contains("authorization"));
}

#[test]
fn what_a_module_or_a_file_is_called_moves_no_cursor() {
    let list = "{\"revision\":1,\"rules\":[{\"name\":\"r\",\"version\":\"\\u001b[2J1\",\"source\":\"\\u009b31mx\",\
                \"suspended\":\"trap\\u001b]0;\"}],\"file_problems\":[{\"file\":\"\\u001bc\",\"problem\":\"\\r\"}],\"history_unavailable\":\"the \\u001bstore\"}";
    let (url, heads) = service(vec![list]);
    let said = rules(&url, None, &["list"]);
    heads.join().unwrap();
    assert!(said.contains("\\u{1b}[2J1") && said.contains("\\u{9b}31mx") && said.contains("\\u{1b}c: \\r"), "{said:?}");
    assert!(said.contains("where the versions came from is not known now: the \\u{1b}store"), "{said:?}");
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
}

#[test]
fn a_push_asks_for_the_mode_that_is_wanted_and_says_the_one_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.wasm");
    std::fs::write(&file, b"\0asm").unwrap();
    let file = file.to_str().unwrap();
    let done = r#"{"name":"r","sha256":"ab","revision":7,"new":true}"#;
    let (url, heads) = service(vec![done, r#"{"rule":{"name":"r","sha256":"ab","mode":"shadow"}}"#]);
    let said = rules(&url, None, &["push", file, "--mode", "shadow", "--order", "-3"]);
    assert_eq!(said, "r ab is in shadow (it judges and is counted, nothing acts on it) at revision 7\n");
    let heads = heads.join().unwrap();
    assert!(heads[0].starts_with("post /rules?mode=shadow&order=-3 http/1.1\r\n"), "{}", heads[0]);
    assert!(heads[1].starts_with("get /rules/r http/1.1\r\n"), "{}", heads[1]);

    let (url, heads) = service(vec![done, r#"{"rule":{"name":"r","sha256":"ab","mode":"off"}}"#]);
    rules(&url, None, &["push", file, "--mode", "off", "--replace"]);
    let heads = heads.join().unwrap();
    assert!(heads[0].starts_with("post /rules?mode=off&replace=true http/1.1\r\n"), "{}", heads[0]);

    let (url, heads) = service(vec![done, r#"{"rule":{"name":"r","sha256":"ab","mode":"off"}}"#]);
    assert_eq!(rules(&url, None, &["push", file]), "r ab is off (it does not judge) at revision 7\n");
    assert!(heads.join().unwrap()[0].starts_with("post /rules http/1.1\r\n"));
}

#[test]
fn a_rule_is_shown_set_deleted_and_asked_with_the_token_that_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("weir.toml");
    let shipped = std::fs::read_to_string(weir_testkit::stack::root().join("weir.toml")).unwrap();
    let shipped = shipped.split("[admin]").next().unwrap();
    let ask = |answer: &'static str, arguments: &[&str]| {
        let (url, heads) = service(vec![answer]);
        let admin = format!(
            "[admin]\nlisten = {:?}\ntokens = {{ viewer = \"viewer-of-a-file-01\", publisher = \"publisher-of-a-file\" }}\n",
            url.trim_start_matches("http://")
        );
        std::fs::write(&config, format!("{shipped}{admin}")).unwrap();
        let said = rules(&url, None, &[arguments, &["--config", config.to_str().unwrap()]].concat());
        let head = heads.join().unwrap().remove(0);
        let token = head.lines().find_map(|line| line.strip_prefix("authorization: bearer ")).unwrap_or_default();
        (head.lines().next().unwrap().to_owned(), token.split('-').next().unwrap().to_owned(), said)
    };
    let detail = r#"{"rule":{"name":"r","version":"1.2.0","summary":"says","sha256":"ab","mode":"shadow","order":3,"parameters":{"limit":"5"},
        "hits":7,"failures":0,"ns_per_record":null,"suspended":"it failed","sampled_one_in":4},
        "manifest":{"fields":[{"name":"amount","kind":"decimal","required":true}],"codes":[{"name":"BIG","summary":"much","effect":"flag"}],
        "parameters":[{"name":"limit","kind":"decimal","summary":"from here","default":"10"}]},
        "versions":[{"sha256":"ab","version":"1.2.0","origin":"api","source":"127.0.0.1","published_at":"2026-11-30T00:00:00Z","published_by":"publisher"}],
        "more_versions":true,"history_unavailable":null,"hits_by_code":{"BIG":7},"failures_by_code":{},"skipped":1,"shadow_samples":[]}"#;
    let (asked, token, said) = ask(detail, &["show", "r", "--versions", "1"]);
    assert_eq!((asked.as_str(), token.as_str()), ("get /rules/r?limit=1 http/1.1", "viewer"));
    for wanted in [
        "r 1.2.0: says",
        "shadow at place 3, sha256 ab",
        "suspended: it failed",
        "sampled 1 in 4",
        "reads amount (decimal)",
        "since the start: 7 hits, 0 failures, 1 skipped, not judged yet",
        "| limit ",
        "| BIG ",
        "2026-11-30",
        "there are older versions",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }

    let changed = r#"{"name":"r","revision":8}"#;
    let (asked, token, said) = ask(changed, &["set", "r", "--mode", "off", "-p", "limit=5", "--default", "other"]);
    assert_eq!(
        (asked.as_str(), token.as_str(), said.as_str()),
        ("patch /rules/r http/1.1", "publisher", "r is changed; revision 8\n")
    );
    let (asked, token, said) = ask(changed, &["delete", "r"]);
    assert_eq!((asked.as_str(), token.as_str()), ("delete /rules/r http/1.1", "publisher"));
    assert_eq!(said, "r is no longer in the set; revision 8\n");
    let (asked, ..) = ask(changed, &["delete", "r", "--reason", "it flags too much & more"]);
    assert_eq!(asked, "delete /rules/r?reason=it%20flags%20too%20much%20%26%20more http/1.1");

    let records = folder.path().join("records.ndjson");
    std::fs::write(&records, "{\"amount\": 1}\n").unwrap();
    let found = r#"{"revision":8,"records":[{"outcome":"valid","fault":null,"verdicts":[]}]}"#;
    let (asked, token, said) = ask(found, &["evaluate", records.to_str().unwrap()]);
    assert_eq!(
        (asked.as_str(), token.as_str(), said.as_str()),
        ("post /evaluate http/1.1", "viewer", "1: valid\njudged by revision 8\n")
    );
}

/// `weir status` with these arguments: exit code, what it printed and what it complained of.
fn status(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    let output = weir.arg("status").args(arguments).env_remove("WEIR_URL").env_remove("WEIR_TOKEN").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const WELL: &str = r#"{"name":"fraud","version":"0.1.0","state":"running","uptime_seconds":3,"workers":1,"ready":true,
    "not_ready":[],"last_checkpoint_age_ms":10,"dependencies":[],"conditions":[],"partitions":[]}"#;

#[test]
fn a_status_takes_url_and_token_from_the_configuration_a_file_or_an_option_and_ends_with_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "token-of-a-file-0123\n").unwrap();
    let none_live = WELL.replace(
        r#""conditions":[]"#,
        r#""conditions":[{"code":"rules.none_live","subject":"","severity":"warning","message":"no rule is live"}]"#,
    );
    let (url, heads) = service(vec![WELL, LIST]);
    let (code, said, _) = status(&["--url", &url, "--token-file", token.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("pipeline fraud at") && said.contains(": ready\n"), "{said}");
    let heads = heads.join().unwrap();
    assert!(heads[0].starts_with("get /pipeline ") && heads[1].starts_with("get /rules "), "{heads:?}");
    assert!(heads.iter().all(|head| head.contains("authorization: bearer token-of-a-file-0123\r\n")), "{heads:?}");

    // The configuration says where, and who may read.
    let (url, heads) = service(vec![Box::leak(none_live.into_boxed_str()), LIST]);
    let text = std::fs::read_to_string(weir_testkit::stack::root().join("weir.toml")).unwrap();
    let admin = format!(
        "[admin]\nlisten = {:?}\ntokens = {{ viewer = \"viewer-of-a-file-01\", publisher = \"publisher-of-a-file\" }}\n",
        url.trim_start_matches("http://")
    );
    let text = text.split("[admin]").next().unwrap().to_owned() + &admin;
    let config = folder.path().join("weir.toml");
    std::fs::write(&config, text).unwrap();
    let (code, said, _) = status(&["--config", config.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(1), "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (said["state"].as_str(), said["pipeline"]["name"].as_str()),
        (Some("ready_with_warnings"), Some("fraud"))
    );
    assert_eq!(said["look_at"][0], "rules.none_live: no rule is live");
    assert!(heads.join().unwrap()[0].contains("authorization: bearer viewer-of-a-file-01\r\n"));

    // Nobody listens there any more.
    let (code, said, complained) = status(&["--url", &url]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(complained.starts_with("weir: no answer from http://127.0.0.1:"), "{complained}");
    let (code, said, _) = status(&["--url", &url, "--json"]);
    assert!(code == Some(2) && said.starts_with("{\"error\":\"no answer"), "{said}");
}

#[test]
fn a_new_token_is_long_enough_is_another_each_time_and_needs_no_quotes() {
    let new = || {
        let output = Command::new(env!("CARGO_BIN_EXE_weir")).args(["token", "new"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let (one, other) = (new(), new());
    assert!(one != other && one.len() >= 22 && one.chars().all(|c| c.is_ascii_alphanumeric()), "{one} {other}");
    assert_eq!(weir::config::token::problem(&one), None);
}

#[test]
fn the_version_says_what_the_binary_is_made_of() {
    let said = |flag: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_weir")).arg(flag).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let version = said("--version");
    let lines: Vec<_> = version.lines().collect();
    let begins = ["weir 0.1.0", "commit: ", "features: ", "librdkafka: 2.", "OpenSSL: "];
    assert!(
        lines.len() == begins.len() && lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)),
        "{version}"
    );
    assert!(
        !lines[1].ends_with(": ") && version.contains(if cfg!(feature = "tls") { "OpenSSL 3." } else { "none" }),
        "{version}"
    );
    assert_eq!(said("-V"), "weir 0.1.0\n");
}
