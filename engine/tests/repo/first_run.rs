//! The first minutes on a machine that has git and make: what is missing is named before anything is installed, and the demo
//! says how long it will take.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use weir_testkit::stack::root;

/// What every Debian has, git and make. No apt-get, no compiler, no Rust.
const COMMANDS: [&str; 16] = [
    "awk", "bash", "cat", "dirname", "env", "git", "grep", "head", "id", "ldconfig", "make", "mktemp", "rm", "sed",
    "sort", "uname",
];

/// A folder with these commands and no others.
fn machine(more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for command in COMMANDS.iter().chain(more) {
        let places = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(|place| Path::new(place).join(command));
        let found = places.iter().find(|place| place.exists()).unwrap_or_else(|| panic!("{command} is installed"));
        symlink(found, folder.path().join(command)).expect("writable");
    }
    folder
}

/// Of a user without a home of theirs, so without Rust, and without a terminal.
fn install(what: &str, machine: &TempDir, yes: bool) -> Output {
    let mut command = Command::new("bash");
    command.arg(root().join("stack/install")).arg(what).stdin(Stdio::null());
    command.env_clear().env("PATH", machine.path()).env("HOME", machine.path());
    if yes {
        command.env("YES", "1");
    }
    command.output().expect("bash is installed")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_apt_what_is_missing_is_named_and_nothing_is_done() {
    for (what, package) in
        [("demo", "build-essential"), ("quick", "python3"), ("test", "maven"), ("test", "prometheus chromium")]
    {
        let output = install(what, &machine(&[]), true);
        let said = said(&output);
        assert!(!output.status.success(), "{output:?}");
        assert!(said.contains(package) && said.contains("Rust 1."), "{said}");
        assert!(said.contains("There is no apt-get here"), "{said}");
    }
}

#[test]
fn without_a_terminal_and_a_yes_nothing_is_installed() {
    let output = install("demo", &machine(&["apt-get"]), false);
    assert!(!output.status.success(), "{output:?}");
    assert!(said(&output).ends_with("YES=1 make demo installs it.\n"), "{output:?}");
}

#[test]
fn the_demo_says_first_what_it_has_to_build() {
    let folder = tempfile::tempdir().expect("a folder");
    let says = |built: &str| {
        let mut command = Command::new(root().join("stack/demo-time"));
        command.args([folder.path().join("weir").as_os_str(), "400000".as_ref()]).env_remove("WEIR_BIN");
        let output = command.env("CARGO_TARGET_DIR", folder.path()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("then 400000 records take about"), "{built}: {output:?}");
        said
    };
    assert!(says("nothing").contains("builds its dependencies, Weir"));
    let crates = folder.path().join("debug/deps");
    std::fs::create_dir_all(&crates).expect("writable");
    std::fs::write(crates.join("libwasmtime-0.rlib"), "").expect("writable");
    let said = says("its dependencies");
    assert!(said.contains("builds Weir") && !said.contains("dependencies"), "{said}");
}
