//! What dependencies may be, as deny.toml says it: licenses, bans and sources. So that a machine without cargo-deny and
//! without a network holds them too; advisories need both.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::root;

#[test]
fn dependencies_have_licenses_and_sources_that_are_allowed_and_none_is_banned() {
    let deny: toml::Table = read("deny.toml").parse().expect("deny.toml is TOML");
    let licenses = texts(&deny["licenses"]["allow"]);
    let sources = texts(&deny["sources"]["allow-registry"]);
    let bans = deny["bans"]["deny"].as_array().expect("a list");
    let banned: BTreeSet<&str> = bans.iter().filter_map(|ban| ban["name"].as_str()).collect();

    let packages = packages();
    assert!(packages.len() > 200, "{}", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, license, source) = (text("name"), text("license"), text("source"));
        let licensed = license_allows(&license, &licenses);
        let known = source.is_empty() || sources.iter().any(|allowed| source == format!("registry+{allowed}"));
        if !licensed || !known || banned.contains(name.as_str()) {
            wrong.push(format!("{name}: license {license:?}, source {source:?}"));
        }
    }
    assert!(wrong.is_empty(), "deny.toml does not allow\n{}", wrong.join("\n"));
}

#[test]
fn a_license_expression_is_read_as_spdx_has_it() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned).into();
    for good in ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC"] {
        assert!(license_allows(good, &allowed), "{good}");
    }
    for bad in ["", "Apache-2.0", "GPL-3.0 AND MIT", "(GPL-3.0 OR LGPL-3.0) AND MIT", "GPL-3.0 OR Apache-2.0"] {
        assert!(!license_allows(bad, &allowed), "{bad}");
    }
    assert!(license_allows("Apache-2.0 WITH LLVM-exception OR GPL-3.0", &allowed));
}

/// rustup, cargo, the image and CI would each build with a compiler of their own otherwise.
#[test]
fn one_compiler_is_named_everywhere() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().expect("rust-toolchain.toml is TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a channel");
    let cargo: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let least = cargo["workspace"]["package"]["rust-version"].as_str().expect("a version");
    assert_eq!(channel.rsplit_once('.').expect("of three numbers").0, least, "Cargo.toml's rust-version");
    assert!(
        read("Dockerfile").contains(&format!("FROM rust:{least}-")),
        "Dockerfile builds with another Rust than {least}"
    );
}

/// fuzz/ is a workspace of its own, with a lock that no build of ours touches: what the engine or the tests come to need has to be
/// added there, or `make fuzz` takes versions that nobody chose.
#[test]
fn the_lock_of_the_fuzz_targets_knows_what_the_engine_and_the_tests_need() {
    let lock: toml::Table = read("fuzz/Cargo.lock").parse().expect("a lock is TOML");
    for (manifest, package) in [("engine/Cargo.toml", "weir"), ("testkit/Cargo.toml", "weir-testkit")] {
        let locked =
            lock["package"].as_array().expect("a list").iter().find(|one| one["name"].as_str() == Some(package));
        let locked = locked.unwrap_or_else(|| panic!("fuzz/Cargo.lock lacks {package}"));
        // A name that is there in two versions has its own behind it.
        let name = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
        let known: BTreeSet<String> = texts(&locked["dependencies"]).iter().map(|text| name(text)).collect();
        let manifest: toml::Table = read(manifest).parse().expect("a manifest is TOML");
        let needed = ["dependencies", "build-dependencies"].iter().filter_map(|table| manifest.get(*table)?.as_table());
        let needed: BTreeSet<String> = needed.flat_map(|table| table.keys().cloned()).collect();
        let lacks: Vec<_> = needed.difference(&known).collect();
        assert!(
            lacks.is_empty(),
            "fuzz/Cargo.lock lacks {lacks:?} of {package}: cargo metadata --manifest-path fuzz/Cargo.toml"
        );
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn texts(list: &toml::Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().filter_map(|text| text.as_str()).map(str::to_owned).collect()
}

/// Every package that a build on Linux can need, features and tests included.
fn packages() -> Vec<Value> {
    let mut asked = Command::new(env!("CARGO"));
    asked.args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ]);
    let output = asked.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut asked: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let nodes = asked["resolve"]["nodes"].as_array().expect("a list");
    let needed: BTreeSet<String> = nodes.iter().filter_map(|node| node["id"].as_str()).map(str::to_owned).collect();
    let Value::Array(packages) = asked["packages"].take() else { panic!("a list of packages") };
    packages.into_iter().filter(|package| package["id"].as_str().is_some_and(|id| needed.contains(id))).collect()
}

/// Whether an SPDX expression leaves a choice of which all parts are allowed. `/` is an older OR; AND binds closer.
fn license_allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut any = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        any |= all_of(words, allowed);
    }
    any
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut all = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        all &= one(words, allowed);
    }
    all
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let inner = any_of(words, allowed);
            words.next() == Some(")") && inner
        }
        Some(name) if words.next_if_eq(&"WITH").is_some() => {
            allowed.contains(&format!("{name} WITH {}", words.next().unwrap_or_default()))
        }
        Some(name) => allowed.contains(name),
        None => false,
    }
}
