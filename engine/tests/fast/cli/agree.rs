//! `weir check` and `weir run` go by one set of rules: what one refuses, the other refuses with the same words.

use std::path::{Path, PathBuf};
use std::process::Command;

use weir_testkit::stack::root;

/// What of the repository's own file is replaced, by what, and what is said of it. Most of what the configuration's own check finds is
/// in the tests of `config`.
const REFUSED: [(&str, &str, &str); 11] = [
    ("weir:weir@127", "weir:we#ir@127", "with %23, %2F, %3F and %40 for #, /, ? and @ in the password"),
    ("weir:weir@127", "weir:we/ir@127", "with %23, %2F, %3F and %40 for #, /, ? and @ in the password"),
    ("weir:weir@127", "weir:we?ir@127", "sink.url"),
    ("3306/weir\"", "3306/weir?ssl-mod=REQUIRED\"", "did you mean \"ssl-mode\"?"),
    (
        "redis://127.0.0.1:6379\"\nkey",
        "redis://127.0.0.1:port\"\nkey",
        "lookup.customer: url: is no address of a Redis",
    ),
    (
        "[dead_letters]\n",
        "properties = { \"session.timeout.ms\" = \"120000\" }\n[dead_letters]\n",
        "source.properties.\"session.timeout.ms\": should be 60000 at most",
    ),
    (
        "[dead_letters]\n",
        "properties = { \"heartbeat.interval.ms\" = \"never\" }\n[dead_letters]\n",
        "source.properties: \"heartbeat.interval.ms\" has a value that Kafka's client does not take; it takes a whole number",
    ),
    (
        "[dead_letters]\n",
        "properties = { \"ssl.ca.location\" = \"/no/such.pem\", \"security.protocol\" = \"SSL\" }\n[dead_letters]\n",
        "source.properties: ssl.ca.location failed",
    ),
    (
        "topic = \"dead_letter_queue\"",
        "topic = \"dead_letter_queue\"\nproperties = { \"compression.type\" = \"lz5\" }",
        "dead_letters.properties: \"compression.type\" has a value that Kafka's client does not take; it takes one of none, gzip",
    ),
    (
        "topic = \"dead_letter_queue\"",
        "topic = \"dead_letter_queue\"\nproperties = { \"compression.tpye\" = \"lz4\" }",
        "there is no property \"compression.tpye\"; did you mean \"compression.type\"?",
    ),
    (
        "listen = \"127.0.0.1:0\"",
        "listen = \"somewhere:8080\"",
        "admin.listen: wanted is an address with a port in quotes, as \"127.0.0.1:8080\" or \"localhost:8080\"",
    ),
];

/// And what both take: `run` comes as far as the brokers, where nobody listens.
const TAKEN: [(&str, &str); 7] = [
    ("brokers", "brokers"),
    ("weir:weir@127", "weir:we%23i%2Fr%3F%40@127"),
    ("mysql://", "mariadb://"),
    ("mysql://weir:weir@127.0.0.1:3306/weir", "sqlite://taken.db"),
    ("listen = \"127.0.0.1:0\"", "listen = \"localhost:0\""),
    ("[dead_letters]\n", "properties = { \"session.timeout.ms\" = \"60000\" }\n[dead_letters]\n"),
    (
        "topic = \"dead_letter_queue\"",
        "topic = \"dead_letter_queue\"\nproperties = { \"compression.type\" = \"zstd\" }",
    ),
];

fn file(folder: &Path, name: String, from: &str, to: &str) -> PathBuf {
    let text = std::fs::read_to_string(root().join("weir.toml")).unwrap();
    let text = text.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:9092", "127.0.0.1:1");
    assert!(text.contains(from), "weir.toml has no {from:?}");
    let file = folder.join(name);
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    file
}

/// Exit code and what is said; `run` is given a database that is a file, where the URL is none of the case's.
fn said(command: &str, file: &Path) -> (Option<i32>, String) {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    let folder = file.parent().unwrap();
    weir.arg(command).arg(file).current_dir(folder).env("WEIR_LOG", "off");
    let output = weir.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn check_and_run_refuse_the_same_in_the_same_words_and_take_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules.d")).unwrap();
    std::thread::scope(|scope| {
        for (number, (from, to, wanted)) in REFUSED.iter().enumerate() {
            let file = file(folder.path(), format!("refused-{number}.toml"), from, to);
            scope.spawn(move || {
                let (checked, run) = (said("check", &file), said("run", &file));
                assert_eq!(checked, run, "{to}");
                assert!(checked.0 == Some(1) && checked.1.contains(wanted), "{to}: {}", checked.1);
                assert_eq!(checked.1.lines().count(), 1, "one line: {}", checked.1);
            });
        }
        for (number, (from, to)) in TAKEN.iter().enumerate() {
            let file = file(folder.path(), format!("taken-{number}.toml"), from, to);
            scope.spawn(move || {
                assert_eq!(said("check", &file), (Some(0), String::new()), "{to}");
                let (code, why) = said("run", &file);
                // Whichever of the three it hears of first.
                let away = ["start the database", "no answer from", "Redis"];
                assert!(code == Some(1) && away.iter().any(|service| why.contains(service)), "{to}: {why}");
            });
        }
    });
}
