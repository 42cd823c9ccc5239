//! `weir rules new`: what it writes compiles, passes its own test and becomes a small module, inside a workspace and
//! outside any. Both crates share a target folder, so that only the first build of all pays for the SDK.

use std::path::{Path, PathBuf};
use std::process::Command;

use wasmparser::{Parser, Payload};

use crate::cli::weir;
use weir_testkit::stack::root;

fn cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(arguments).arg("--target-dir").arg(root().join("target/outside"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn new_rule(path: &Path, more: &[&str]) -> String {
    let output = weir(&[&["rules", "new", path.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Tests the crate natively, builds its module and looks at it.
fn compiles(folder: &Path, name: &str) {
    cargo(folder, &["test", "-p", name]);
    cargo(folder, &["build", "-p", name, "--profile", "rule", "--target", "wasm32-unknown-unknown"]);
    let file = root().join(format!("target/outside/wasm32-unknown-unknown/rule/{name}.wasm"));
    let module = std::fs::read(file).unwrap();
    assert!(module.len() < 64 * 1024, "{name} has {} bytes", module.len());
    let payloads: Vec<_> = Parser::new(0).parse_all(&module).map(Result::unwrap).collect();
    assert!(!payloads.iter().any(|payload| matches!(payload, Payload::ImportSection(_))), "{name} imports something");
    let contract = |payload: &Payload| matches!(payload, Payload::CustomSection(section) if section.name().starts_with("component-type"));
    assert!(payloads.iter().any(contract), "{name} does not say its contract");
}

/// Weir's workspace without the engine: the same root, SDK and lock, so that nothing is fetched.
fn workspace(folder: &Path) {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut manifest: toml::Table = text.parse().unwrap();
    let members = ["sdk", "sdk/macros", "rules/*"].map(toml::Value::from).to_vec();
    manifest["workspace"].as_table_mut().unwrap().insert("members".to_owned(), members.into());
    // As outside: with other settings the SDK would be built once more.
    manifest["profile"].as_table_mut().unwrap().remove("dev");
    std::fs::write(folder.join("Cargo.toml"), manifest.to_string()).unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-rp").args(["sdk", "Cargo.lock"].map(|name| root().join(name))).arg(folder);
    assert!(copy.status().unwrap().success());
}

/// As cargo sees it; it refuses a crate that is neither a member nor a workspace of its own.
fn workspace_of(folder: &Path) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(["locate-project", "--workspace", "--message-format", "plain"]);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).parent().unwrap().to_owned()
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

#[test]
fn a_new_rule_compiles_inside_the_workspace_that_its_folder_falls_into() {
    let (_folder, path) = fresh();
    workspace(&path);
    let said = new_rule(&path.join("rules/round_inside"), &[]);
    assert!(said.contains("`cargo test -p round_inside` and `make rules`"), "{said}");
    let manifest = std::fs::read_to_string(path.join("rules/round_inside/Cargo.toml")).unwrap();
    assert!(manifest.contains("weir-sdk.workspace = true"), "{manifest}");
    assert_eq!(workspace_of(&path.join("rules/round_inside")), path);
    compiles(&path, "round_inside");
}

#[test]
fn a_new_rule_compiles_outside_any_workspace_with_the_sdk_that_is_named() {
    let (_folder, path) = fresh();
    let rule = path.join("round_outside");
    let said = new_rule(&rule, &["--sdk", root().join("sdk").to_str().unwrap()]);
    assert!(said.contains("--profile rule --target wasm32-unknown-unknown"), "{said}");
    std::fs::copy(root().join("Cargo.lock"), rule.join("Cargo.lock")).unwrap();
    compiles(&rule, "round_outside");
}

#[test]
fn a_new_rule_beside_the_members_of_a_workspace_stands_alone() {
    let (_folder, path) = fresh();
    workspace(&path);
    new_rule(&path.join("elsewhere/round_alone"), &["--sdk", path.join("sdk").to_str().unwrap()]);
    assert_eq!(workspace_of(&path.join("elsewhere/round_alone")), path.join("elsewhere/round_alone"));
}

#[test]
fn a_keyword_is_no_name_of_a_rule() {
    let (_folder, path) = fresh();
    for name in ["match", "self", "crate", "gen", "u8"] {
        let output = weir(&["rules", "new", path.join(name).to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(&format!("weir: {name} ")) && said.contains(&format!("like {name}_rule")), "{said}");
        assert!(!path.join(name).exists());
    }
}
