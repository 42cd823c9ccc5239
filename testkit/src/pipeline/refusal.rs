//! A command that must fail: one clear line on stderr, exit code 1, and no password.

use std::process::Command;

/// The one line that begins with `weir:` of a command that must fail.
pub fn refusal(command: &mut Command) -> String {
    let output = command.output().expect("weir starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.status.code(), Some(1), "{all}");
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("weir:")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {all}");
    assert!(!all.contains("secret") && !all.contains("panicked"), "{all}");
    lines[0].to_owned()
}

/// Every one of these texts is in the line.
pub fn says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is missing: {line}");
    }
}
