//! A test that measures its own process, or changes it, runs as one of its own.

use std::process::Command;

/// Names the test that a process was started for.
const ALONE: &str = "WEIR_TEST_ALONE";

/// Whether this process runs the calling test only. If not, runs it again as such a process and gives `false`: the caller returns.
///
/// # Panics
/// Where the test fails there, with what it printed; and where it is not called on the test's own thread.
pub fn alone() -> bool {
    let thread = std::thread::current();
    let test = thread.name().expect("libtest names the thread of a test by the test");
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        return true;
    }
    let mut again = Command::new(std::env::current_exe().expect("a test is a file"));
    let output = again.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, test).output();
    let output = output.expect("a test that runs starts again");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{test} failed in a process of its own");
    false
}
