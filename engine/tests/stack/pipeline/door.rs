//! Who may come in, and what `weir status` shows of a running engine: without tokens, with tokens from files that are replaced while it
//! runs, and when nobody answers.

use std::path::Path;

use serde_json::json;

use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{RULES, TestPipeline, weir};

/// Exit code and screen of `weir status`.
fn status(pipeline: &TestPipeline, more: &[&str]) -> (Option<i32>, String) {
    let url = format!("http://127.0.0.1:{}", pipeline.admin);
    let mut command = weir();
    command.arg("status").args(["--url", &url]).args(more).env_remove("WEIR_TOKEN");
    let output = command.output().expect("weir starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

fn read(pipeline: &TestPipeline, token: &str) -> u16 {
    let asked = ureq::get(format!("http://127.0.0.1:{}/rules", pipeline.admin))
        .config()
        .http_status_as_error(false)
        .build()
        .header("authorization", format!("Bearer {token}"))
        .call();
    asked.expect("it answers").status().as_u16()
}

fn write(file: &Path, token: &str) {
    std::fs::write(file, format!("{token}\n")).expect("the folder is writable");
}

#[test]
fn a_status_tells_what_is_off_and_an_api_without_tokens_is_told() {
    let pipeline = TestPipeline::new("screen").with_workers(1);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let (code, screen) = status(&pipeline, &[]);
    assert_eq!(code, Some(1), "{screen}");
    for part in [
        "ready, with 1 thing to look at",
        "! admin.open: ",
        "anyone on this machine may change rules",
        "weir token new",
    ] {
        assert!(screen.contains(part), "{part:?} stands not in\n{screen}");
    }
    for part in ["services: kafka up, database up", "rules: revision", "high_amount", "partitions: 4", "running"] {
        assert!(screen.contains(part), "{part:?} stands not in\n{screen}");
    }
    assert!(engine.said().contains("anyone on this machine may change rules"), "the log says it too");
    let (_, metrics) = ask(pipeline.admin, "GET", "/metrics", "text/plain", b"").expect("an answer");
    let info = metrics.lines().find(|line| line.starts_with("weir_build_info{")).expect("weir_build_info");
    assert!(info.contains("version=\"0.1.0\"") && info.contains("librdkafka=\"2.") && info.ends_with(" 1"), "{info}");
    for rule in RULES {
        pipeline.patch(&format!("/rules/{rule}"), &json!({ "mode": "off" }));
    }
    let (code, screen) = status(&pipeline, &[]);
    assert!(
        code == Some(1) && screen.contains("! rules.none_live: ") && screen.contains("no rule is live"),
        "{screen}"
    );
    engine.stop();
    let (code, said) = status(&pipeline, &[]);
    assert!(code == Some(2) && said.contains("no answer from"), "{said}");
}

#[test]
fn tokens_of_files_are_read_again_at_sighup_and_a_bad_file_keeps_the_old_ones() {
    let files = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| files.path().join(name);
    let (viewer, publisher) = (file("viewer"), file("publisher"));
    write(&viewer, "viewer-of-monday-0001");
    write(&publisher, "publisher-of-monday-01");
    let tokens = format!(
        "[admin]\ntokens = {{ viewer = \"${{file:{}}}\", publisher = \"${{file:{}}}\" }}",
        viewer.display(),
        publisher.display()
    );
    let pipeline = TestPipeline::new("rotated").with("[admin]", &tokens);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let (code, screen) = status(&pipeline, &["--token-file", viewer.to_str().expect("text")]);
    assert!(code == Some(0) && screen.contains(": ready\n"), "nothing to look at: {screen}");
    let (code, said) = status(&pipeline, &["--token", "viewer-of-nobody-0001"]);
    assert!(code == Some(2) && said.contains("not one of [admin.tokens]"), "{said}");

    write(&viewer, "viewer-of-tuesday-002");
    hang_up(&mut engine, "changed=\"viewer\"");
    assert_eq!([read(&pipeline, "viewer-of-monday-0001"), read(&pipeline, "viewer-of-tuesday-002")], [401, 200]);
    assert_eq!(read(&pipeline, "publisher-of-monday-01"), 200);

    write(&publisher, "short");
    hang_up(&mut engine, "has 5 characters and should have 16 or more");
    assert_eq!([read(&pipeline, "publisher-of-monday-01"), read(&pipeline, "short")], [200, 401]);
    let (code, screen) = status(&pipeline, &["--token", "viewer-of-tuesday-002"]);
    assert!(code == Some(1) && screen.contains("! admin.tokens_kept: ") && !screen.contains("short"), "{screen}");

    write(&publisher, "publisher-of-tuesday-2");
    hang_up(&mut engine, "changed=\"publisher\"");
    assert_eq!([read(&pipeline, "publisher-of-monday-01"), read(&pipeline, "publisher-of-tuesday-2")], [401, 200]);
    assert_eq!(status(&pipeline, &["--token", "publisher-of-tuesday-2"]).0, Some(0));
    let log = engine.said();
    assert!(!log.contains("monday") && !log.contains("tuesday"), "a token stands in the log: {log}");
    engine.stop();
}

#[test]
fn a_person_s_session_ends_when_a_sighup_brings_another_token_and_the_audit_names_the_person_and_the_reason() {
    let files = tempfile::tempdir().expect("a temporary folder");
    let ana = files.path().join("ana");
    write(&ana, "ana-of-monday-000001");
    let people = format!(
        "[admin]\npeople = {{ ana = {{ token = \"${{file:{}}}\", may = [\"read\", \"publish\"] }} }}",
        ana.display()
    );
    let pipeline = TestPipeline::new("people").with("[admin]", &people);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let base = format!("http://127.0.0.1:{}", pipeline.admin);
    let browser = || ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();
    let form = browser().post(format!("{base}/console/sign-in")).header("origin", &base);
    let signed_in = form.send_form([("token", "ana-of-monday-000001")]).expect("it answers");
    assert_eq!(signed_in.status().as_u16(), 303);
    let kept = signed_in.headers()["set-cookie"].to_str().expect("text").to_owned();
    let session = kept.split(';').next().expect("name and value").to_owned();
    let now = || {
        let answer = browser().get(format!("{base}/console/")).header("cookie", &session).call().expect("it answers");
        (answer.status().as_u16(), answer.into_body().read_to_string().expect("text"))
    };
    let (status, page) = now();
    assert!(status == 200 && page.contains("<h1>Now</h1>") && page.contains("database"), "{page}");

    let change = ["rules", "set", RULES[0], "--order", "9", "--reason", "after the cheap ones", "--url", &base];
    let done = weir().args(change).args(["--token-file", ana.to_str().expect("text")]).output().expect("weir starts");
    assert!(done.status.success(), "{done:?}");
    let audit = browser().get(format!("{base}/audit?limit=1")).header("authorization", "Bearer ana-of-monday-000001");
    let audit: serde_json::Value = audit.call().expect("it answers").into_body().read_json().expect("JSON");
    assert_eq!((&audit[0]["who"], &audit[0]["reason"]), (&json!("ana"), &json!("after the cheap ones")), "{audit}");

    write(&ana, "ana-of-tuesday-00002");
    hang_up(&mut engine, "changed=\"ana\"");
    assert_eq!(now().0, 303, "the session was begun with a token that is no longer hers");
    let log = engine.said();
    assert!(!log.contains("of-monday") && !log.contains("of-tuesday"), "a token stands in the log: {log}");
    engine.stop();
}

/// Asks it to read its tokens again, and waits until it says what came of it.
fn hang_up(engine: &mut Engine, told: &str) {
    engine.signal("HUP");
    engine.until_it_says(told);
}
