//! The commands of README.md and of the guides in docs/, run in order in one shell, in a fresh copy of the checkout, against
//! the real stack. What differs from a user's shell: `weir` is the debug build, cargo builds into a folder that is kept between runs, the demo takes
//! fewer records, and port 8080 is a free one.

mod blocks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use blocks::bare;
use weir_testkit::stack::port::free_port;

/// The documents whose commands are run, in this order; README.md's last commands, which stop everything, come last of all.
const DOCUMENTS: [(&str, &str); 11] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/producing.md", include_str!("../../../docs/producing.md")),
    ("docs/configuration.md", include_str!("../../../docs/configuration.md")),
    ("docs/rules.md", include_str!("../../../docs/rules.md")),
    ("docs/dead-letters.md", include_str!("../../../docs/dead-letters.md")),
    ("docs/alerts.md", include_str!("../../../docs/alerts.md")),
    ("docs/windows.md", include_str!("../../../docs/windows.md")),
    ("docs/testing.md", include_str!("../../../docs/testing.md")),
    ("docs/limits.md", include_str!("../../../docs/limits.md")),
    ("docs/comparison-with-flink.md", include_str!("../../../docs/comparison-with-flink.md")),
    ("docs/api.md", include_str!("../../../docs/api.md")),
];

/// The heading of README.md from which on everything is stopped.
const STOP: &str = "\n## Stop it\n";

/// Not run, and why. The list is exact: one that no document has any more must go from here too.
const NOT_RUN: [(&str, &str); 9] = [
    ("make quick", "a part of `make test`"),
    ("make test", "runs this very test; that CI calls it is another test here"),
    (
        "cargo install --locked --path engine",
        "a release build of ten minutes; the debug build stands on the path instead",
    ),
    ("export WEIR_DB_PASSWORD=… WEIR_VIEWER_TOKEN=… WEIR_PUBLISHER_TOKEN=…", "for compose; see below"),
    ("docker compose up --build --wait", "no Docker engine here; tests/repo/compose.rs checks the file"),
    (
        "docker compose --profile produce run --rm producer",
        "no Docker engine here; tests/repo/compose.rs checks the file",
    ),
    ("make chaos SEED=7 MINUTES=2", "tests/chaos runs the same"),
    ("make soak MINUTES=60", "an hour, and a release build"),
    ("make fuzz TARGET=csv", "needs a nightly toolchain; tests/fast/fuzz runs the same targets"),
];

/// Named in running text and run by no block. Exact, too.
const MENTIONED: [(&str, &str); 7] = [
    ("make prove", "`make test` at random and for longer"),
    ("stack/up", "README.md runs it for the variables that it prints"),
    ("stack/install test", "`make test` calls it"),
    ("cargo doc -p weir-sdk --open", "opens a browser"),
    ("weir run --json-logs", "`weir run` in another form"),
    ("make demo-live", "`make demo` that does not end"),
    ("weir demo", "`make demo` runs it"),
];

const PROGRAMS: [&str; 9] = ["weir ", "make ", "cargo ", "docker ", "curl ", "stack/", ".ci/", "bench/", "mariadb "];

/// What a command must have said.
const SAID: [(&str, &str); 25] = [
    ("make demo", "equal the truth"),
    ("make help", "make demo-live"),
    ("curl -fsS --retry", "ready"),
    ("weir status", ": ready"),
    ("weir schema", "CREATE TABLE"),
    ("weir produce", "000 records sent to finance_stream, 0 bad lines skipped"),
    ("stack/kafka TopicCommand", "fraud_alerts"),
    ("cargo test", "1 passed"),
    ("weir rules check", "large_amount 0.1.0: fine"),
    ("weir rules push --mode shadow", "is in shadow"),
    ("weir rules push --mode live", "is live at revision"),
    ("weir rules push rules.d", "is live at revision"),
    ("weir rules rollback", "large_amount is back"),
    ("weir rules list", "blocked_segment"),
    ("weir dead-letters list --config stack/weir.compose.toml --limit 3 --code", "TOO_MUCH"),
    ("weir dead-letters list --config stack/weir.compose.toml --limit", "finance_stream-"),
    ("weir dead-letters list --config stack/weir.compose.toml --code", "AMOUNT_NEGATIVE"),
    ("weir alerts tail --config stack/weir.compose.toml --limit", "finance_stream-"),
    ("weir alerts tail --config stack/weir.compose.toml --code", "\"code\":\"SELF_TRANSFER\""),
    ("weir check", "fine"),
    ("weir rules show", "TOO_MUCH"),
    ("weir rules set", "large_amount is changed"),
    ("echo '{", "dead-letter"),
    (r#"curl -fsS -H "$auth" "$WEIR_URL/dead-letters"#, "\"complete\":true"),
    (r#"curl -fsS -H "$auth" "$WEIR_URL/windows"#, "amount_sum"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn not_run(command: &str) -> bool {
    NOT_RUN.iter().any(|(name, _)| *name == bare(command))
}

/// Every command of the documents, in the order in which they are run.
fn commands() -> Vec<String> {
    let (_, readme) = DOCUMENTS[0];
    let (start, stop) = readme.split_once(STOP).expect("README.md says how to stop");
    let guides = DOCUMENTS[1..].iter().map(|(_, text)| *text);
    std::iter::once(start).chain(guides).chain([stop]).flat_map(blocks::commands).collect()
}

/// The checkout without what was built in it. Times are kept, so that cargo finds what it built before; so is what
/// `tests/fast/cli.rs` built for the rules that it makes.
fn copy_of_the_checkout(to: &Path) {
    let built = ["target", "rules.d", ".git", "data"];
    let wanted = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let wanted = wanted.filter(|entry| built.iter().all(|name| entry.file_name() != *name));
    let copied = Command::new("cp").arg("-rp").args(wanted.map(|entry| entry.path())).arg(to).status().unwrap();
    assert!(copied.success());
    // Slower to build, and of use to the engine alone.
    let manifest = to.join("Cargo.toml");
    let mut table: toml::Table = std::fs::read_to_string(&manifest).unwrap().parse().unwrap();
    table["profile"].as_table_mut().unwrap().remove("dev");
    std::fs::write(manifest, table.to_string()).unwrap();
}

/// Each command between two marks, so that what it said can be told from the others'. The first that fails ends it.
fn script(commands: &[String], port: u16) -> String {
    let mut script = String::from("set -eo pipefail\nexec 2>&1\n");
    script += "trap 'kill $(jobs -p) 2>/dev/null || true; wait; stack/down || true' EXIT\n";
    for (number, command) in commands.iter().enumerate() {
        let command = command.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        writeln!(script, "echo; echo '=== {number}'\n{command}").unwrap();
    }
    script + "echo; echo '=== end'\n"
}

#[test]
fn every_command_runs_in_order_and_says_what_it_should() {
    let commands: Vec<_> = commands().into_iter().filter(|command| !not_run(command)).collect();
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("weir");
    std::fs::create_dir(&folder).unwrap();
    copy_of_the_checkout(&folder);
    let port = free_port();
    std::fs::write(folder.join("readme.sh"), script(&commands, port)).unwrap();
    let weir = Path::new(env!("CARGO_BIN_EXE_weir"));
    let path = format!("{}:{}", weir.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.arg("readme.sh").current_dir(&folder).stdin(Stdio::null());
    shell.env("PATH", path).env("WEIR_BIN", weir).env("RECORDS", "20000");
    shell.env("CARGO_TARGET_DIR", root().join("target/outside"));
    // Of the user's shell, not of the test's.
    for variable in ["WEIR_STACK_DIR", "WEIR_TOKEN", "WEIR_URL", "RUST_LOG", "MAKEFLAGS", "CARGO", "KAFKA_LIBS"] {
        shell.env_remove(variable);
    }
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = std::fs::read_to_string(folder.join("target/weir.log")).unwrap_or_default();
    let (failed, _) = last_mark(&said);
    let failed = failed.parse().ok().and_then(|number: usize| commands.get(number));
    assert!(output.status.success(), "{failed:?} failed:\n{}\nweir's log:\n{log}", last_mark(&said).1);

    let by_command = by_command(&said, &commands);
    for (prefix, wanted) in SAID {
        let of: Vec<_> = by_command.iter().filter(|(command, _)| command.starts_with(prefix)).collect();
        assert!(!of.is_empty(), "no document has {prefix:?} any more");
        for (command, said) in of {
            assert!(said.contains(wanted), "{command} did not say {wanted:?} but\n{said}");
        }
    }
    assert!(log.contains("a last checkpoint") && !log.contains("ERROR"), "{log}");
}

fn last_mark(said: &str) -> (&str, &str) {
    said.rsplit_once("\n=== ").and_then(|(_, rest)| rest.split_once('\n')).unwrap_or(("", said))
}

fn by_command<'a>(said: &'a str, commands: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let parts = said.split("\n=== ").skip(1).filter_map(|part| part.split_once('\n'));
    let numbered: BTreeMap<usize, &str> =
        parts.filter_map(|(number, said)| Some((number.parse().ok()?, said))).collect();
    assert_eq!(numbered.len(), commands.len(), "every command ran:\n{said}");
    numbered.into_iter().map(|(number, said)| (commands[number].as_str(), said)).collect()
}

#[test]
fn what_is_not_run_is_listed_with_its_reason_and_nothing_else_is_listed() {
    let commands = commands();
    for (name, why) in NOT_RUN {
        assert!(commands.iter().any(|command| bare(command) == name), "no document has {name:?} any more ({why})");
    }
    assert!(commands.len() > 45, "the blocks are found: {commands:#?}");
    for (name, text) in DOCUMENTS {
        assert_eq!(blocks::hidden_blocks(text), Vec::<String>::new(), "{name}: write commands in a block of `sh`");
    }
}

#[test]
fn a_command_in_running_text_is_one_that_is_run_or_listed() {
    let commands = commands();
    let mentioned: Vec<_> = DOCUMENTS.iter().flat_map(|(_, text)| blocks::mentioned(text, &PROGRAMS)).collect();
    for span in &mentioned {
        let known = MENTIONED.iter().any(|(name, _)| name == span);
        let run = commands.iter().any(|command| command.starts_with(span.as_str()));
        assert!(known != run, "`{span}`: known {known}, run {run}; run it in a block, or list it in MENTIONED");
    }
    for (name, why) in MENTIONED {
        assert!(mentioned.iter().any(|span| span == name), "no document names {name:?} any more ({why})");
    }
}

/// So that it stays a page for a newcomer; what is longer belongs in docs/.
#[test]
fn the_readme_is_short_and_names_every_guide() {
    let (_, readme) = DOCUMENTS[0];
    assert!(readme.lines().count() < 150, "README.md has {} lines", readme.lines().count());
    for (name, _) in DOCUMENTS {
        assert!(name == "README.md" || readme.contains(&format!("({name})")), "README.md does not lead to {name}");
    }
}

#[test]
fn ci_calls_make_test_which_runs_all_tests() {
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert_eq!(ci.trim_end().lines().next_back(), Some("exec make test"));
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let (_, target) = makefile.split_once("\ntest: ").unwrap();
    let (target, _) = target.split_once("\n\n").unwrap();
    assert!(target.contains("testkit/run test $(ONLY)"), "{target}");
    let runner = std::fs::read_to_string(root().join("testkit/run")).unwrap();
    assert!(
        runner.contains(r#""test", "--workspace", "--lib""#) && runner.contains(r#"CARGO, "clippy", "--workspace""#),
        "{runner}"
    );
}
