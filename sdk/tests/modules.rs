//! The modules of `rules/`, built as `make rules` builds them: what the engine asks of a module before it looks inside.

use std::path::PathBuf;
use std::process::Command;

use wasmparser::{Parser, Payload};

const RULES: [&str; 5] = ["negative_amount", "balance_mismatch", "self_transfer", "high_amount", "blocked_segment"];

/// Builds them beside this test's own build and gives the folder that they are in.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3).expect("target/PROFILE/deps/TEST");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--profile", "rule", "--target", "wasm32-unknown-unknown", "--target-dir"]).arg(target);
    let output = cargo.args(RULES.iter().flat_map(|rule| ["-p", rule])).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("wasm32-unknown-unknown/rule")
}

#[test]
fn a_module_is_small_imports_nothing_and_says_its_contract() {
    let folder = built();
    for rule in RULES {
        let module = std::fs::read(folder.join(rule).with_extension("wasm")).expect("cargo wrote it");
        assert!(module.len() < 64 * 1024, "{rule} has {} bytes", module.len());
        let (mut exports, mut contract) = (Vec::new(), false);
        for payload in Parser::new(0).parse_all(&module) {
            match payload.expect("cargo wrote a valid module") {
                Payload::ImportSection(imports) => panic!("{rule} has {} imports", imports.count()),
                Payload::CustomSection(section) => contract |= section.name().starts_with("component-type"),
                Payload::ExportSection(section) => {
                    exports.extend(section.into_iter().map(|export| export.expect("valid").name.to_owned()));
                }
                _ => {}
            }
        }
        assert!(contract, "{rule} has no component-type section");
        for function in ["describe", "configure", "judge"] {
            let wanted = format!("weir:rule/guest@0.1.0#{function}");
            assert!(exports.contains(&wanted), "{rule} exports {exports:?}");
        }
        assert!(exports.iter().any(|export| export == "explain-flags"), "{rule} exports {exports:?}");
    }
}
