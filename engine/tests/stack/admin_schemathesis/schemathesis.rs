//! Schemathesis, pinned, in a virtual environment of its own: from the engine's OpenAPI document it makes requests that
//! fit it and requests that do not, and holds every answer against it. No answer is a fault of the server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::admin_schemathesis::alone;
use crate::admin_schemathesis::served::{PUBLISHER, VIEWER, get, guard};
use weir_testkit::broker::Record;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::stack::root;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const NEEDS: &str = "this test runs schemathesis: it needs python3 with venv and pip (on Debian: apt-get install python3 \
                     python3-venv python3-pip, as .ci/run does) and, once, PyPI";

/// The program in target/, installed once for each set of pinned packages.
fn program() -> PathBuf {
    let folder = root().join("target/schemathesis");
    let (installed, program) = (folder.join("installed.txt"), folder.join("bin/schemathesis"));
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) && program.exists() {
        return program;
    }
    let _ = std::fs::remove_dir_all(&folder);
    prepare(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let wanted = folder.join("requirements.txt");
    std::fs::write(&wanted, REQUIREMENTS).unwrap();
    let mut pip = Command::new(folder.join("bin/python"));
    prepare(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted));
    std::fs::write(&installed, REQUIREMENTS).unwrap();
    program
}

fn prepare(command: &mut Command) {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}; {NEEDS}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{NEEDS}", String::from_utf8_lossy(&said));
}

/// An engine with something to tell: windows, letters of several codes, a shadow rule with hits, an audit.
fn telling(name: &str) -> (TestPipeline, Engine) {
    let pipeline = guard(TestPipeline::new(name));
    let now = chrono::Utc::now().timestamp_millis();
    for (number, amount) in ["12.50", "-1", "250000", "1.005", "\"twelve\"", "900000", "7"].into_iter().enumerate() {
        let text = format!(r#"{{"event_time":{now},"type":"TRANSFER","amount":{amount},"name_orig":"C{number}"}}"#);
        let value = if number == 6 { b"\xff\x1b[2J{".to_vec() } else { text.into_bytes() };
        pipeline.send(number as i32 % 4, &Record { value: Some(value), ..Record::default() });
    }
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    (pipeline, engine)
}

/// One run: who asks, and whether most requests about a rule name one that is there.
struct Run<'a> {
    name: &'a str,
    token: Option<&'a str>,
    named: bool,
    examples: u32,
}

/// What it counted.
struct Counted {
    cases: u64,
    text: String,
}

fn run(pipeline: &TestPipeline, document: &Path, run: &Run) -> Counted {
    let here = root().join("engine/tests/stack/admin_schemathesis");
    let (config, phases) = match run.named {
        true => ("named.toml", "examples,coverage,fuzzing"),
        // Here a request takes its names from the answers to those before.
        false => ("any.toml", "examples,coverage,fuzzing,stateful"),
    };
    let mut command = Command::new(program());
    command
        .current_dir(pipeline.folder.path())
        .env("PYTHONPATH", &here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WEIR_MODULES", root().join("rules.d"))
        .arg("--config-file")
        .arg(here.join(config))
        .arg("run")
        .arg(document)
        .args(["--url", &format!("http://127.0.0.1:{}", pipeline.admin), "--no-color", "--checks", "all"])
        // The same requests each time.
        .args(["--generation-deterministic", "--phases", phases])
        .args(["--max-examples", &run.examples.to_string(), "--request-timeout", "40", "--no-shrink"])
        .arg("--continue-on-failure");
    if let Some(token) = run.token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}; {NEEDS}"));
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let log = std::fs::read_to_string(pipeline.folder.path().join("run.log")).unwrap();
    let end = &log[log.floor_char_boundary(log.len().saturating_sub(4_000))..];
    assert!(output.status.success(), "{}: {}\n{text}\nthe engine's log ends:\n{end}", run.name, output.status);
    Counted { cases: cases(&text), text }
}

/// `1,234 generated, 1,234 passed, 28 skipped`
fn cases(text: &str) -> u64 {
    let generated = text.lines().find(|line| line.contains(" generated, "));
    let passed = generated.and_then(|line| line.split(", ").find_map(|part| part.trim().strip_suffix(" passed")));
    let number = passed.and_then(|number| number.replace(',', "").parse().ok());
    number.unwrap_or_else(|| panic!("schemathesis did not say how many cases passed:\n{text}"))
}

#[test]
fn no_request_that_schemathesis_makes_is_answered_by_a_fault_or_by_what_the_document_does_not_say() {
    let _alone = alone();
    let (pipeline, engine) = telling("schemathesis");
    let (status, document) = get(&pipeline, "/openapi.json", VIEWER);
    assert_eq!(status, 200, "{document}");
    let operations: usize = serde_json::from_str::<Value>(&document).unwrap()["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    let file = pipeline.folder.path().join("openapi.json");
    std::fs::write(&file, document).unwrap();
    let runs = [
        Run { name: "nobody", token: None, named: true, examples: 3 },
        Run { name: "viewer", token: Some(VIEWER), named: true, examples: 10 },
        Run { name: "publisher", token: Some(PUBLISHER), named: true, examples: 20 },
        Run { name: "publisher of any name", token: Some(PUBLISHER), named: false, examples: 10 },
    ];
    for each in runs {
        let Counted { cases, text } = run(&pipeline, &file, &each);
        println!("{}: {cases} cases", each.name);
        assert!(text.contains(&format!("{operations} selected / {operations} total")), "all operations:\n{text}");
        assert!(cases > 10 * operations as u64, "{}: only {cases} cases\n{text}", each.name);
    }
    engine.stop();
}
