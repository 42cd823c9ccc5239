//! Prometheus' own word on the rules and on the dashboard's queries.

use std::path::Path;
use std::process::Command;

use super::{RULES, RULES_TEST, queries};
use weir_testkit::stack::root;

/// What promtool says, which has to be that all is well.
fn promtool(arguments: [&str; 2], file: &Path) -> String {
    let mut command = Command::new("promtool");
    let output = command.args(arguments).arg(file).output().expect("promtool is installed (stack/install test)");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?} {}:\n{said}", file.display());
    said
}

#[test]
fn prometheus_takes_the_alert_rules() {
    let said = promtool(["check", "rules"], &root().join(RULES));
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn the_alerts_fire_when_they_should_and_not_otherwise() {
    let said = promtool(["test", "rules"], &root().join(RULES_TEST));
    assert!(said.contains("SUCCESS"), "{said}");
}

/// Each as a recording rule, which is the form in which promtool reads an expression.
#[test]
fn prometheus_takes_every_query_of_the_dashboard() {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    let queries = queries();
    for (number, query) in queries.iter().enumerate() {
        // Grafana puts in what begins with `$`.
        let expression = query.expression.replace("$__rate_interval", "5m").replace('$', "");
        assert!(!expression.contains('\''), "{expression}");
        rules += &format!("      - record: query_{number}\n        expr: '{expression}'\n");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("dashboard.yml");
    std::fs::write(&file, rules).expect("the folder is writable");
    let said = promtool(["check", "rules"], &file);
    assert!(said.contains(&format!("{} rules found", queries.len())), "{said}");
}
