//! Features of dependencies: none that is for tests alone in a release, and the same for every choice of packages, so that one target
//! folder holds each dependency once. It does what cargo-hakari would, without a tool to install and a generated crate that every
//! member names; a rule and the SDK must not depend on the engine's dependencies. Asks `cargo tree`, which builds nothing.

use std::collections::BTreeSet;
use std::process::Command;

use super::root;

/// Features for tests alone: (package, feature). A dev-dependency turns them on, so a build and a test each have their own build of
/// what depends on these two.
const TESTS_ALONE: [(&str, &str); 2] = [("fail", "failpoints"), ("tokio", "test-util")];

/// What is built in one target folder beside `cargo test --workspace`. The SDK and the rules are left out: who writes a rule should not
/// build what the engine needs, and what they build for themselves (syn, rustix and some ten like them) is small.
const CHOICES: [(&str, &[&str]); 4] = [
    ("cargo build -p weir", &["-p", "weir", "-e", "normal,build"]),
    ("cargo test -p weir", &["-p", "weir", "-e", "normal,build,dev"]),
    ("cargo test -p weir-testkit", &["-p", "weir-testkit", "-e", "normal,build,dev"]),
    ("cargo bench -p weir-bench", &["-p", "weir-bench", "-e", "normal,build,dev"]),
];

#[test]
fn a_release_has_no_feature_that_is_for_tests_alone() {
    for (name, features) in built(&["-p", "weir", "-e", "normal,build"]) {
        for (package, feature) in TESTS_ALONE {
            assert!(
                !(is(&name, package) && features.contains(feature)),
                "cargo build -p weir builds {name} with {feature}, which belongs in the dev-dependencies"
            );
        }
    }
}

#[test]
fn every_choice_of_packages_builds_its_dependencies_with_the_same_features() {
    let all = built(&["--workspace", "-e", "normal,build,dev"]);
    assert!(all.len() > 200, "{}", all.len());
    let mut others = BTreeSet::new();
    for (command, arguments) in CHOICES {
        for (name, features) in built(arguments) {
            if !all.iter().any(|(other, theirs)| *other == name && shared(&name, theirs) == shared(&name, &features)) {
                let theirs = all.iter().filter(|(other, _)| *other == name).map(|(_, theirs)| theirs);
                let missing: BTreeSet<_> = theirs.flat_map(|theirs| theirs.difference(&features)).collect();
                others.insert(format!("{name} without {missing:?}, in `{command}`"));
            }
        }
    }
    let others: Vec<_> = others.into_iter().collect();
    assert!(others.is_empty(), "built once more (name the features in the root's Cargo.toml):\n{}", others.join("\n"));
}

/// The features that a test shares with a build.
fn shared(name: &str, features: &BTreeSet<String>) -> BTreeSet<String> {
    let alone = |feature: &&String| TESTS_ALONE.iter().any(|(package, of)| is(name, package) && of == feature);
    features.iter().filter(|feature| !alone(feature)).cloned().collect()
}

fn is(name: &str, package: &str) -> bool {
    name.split(' ').next() == Some(package)
}

/// Name with version, and features, of every package from a registry that the choice builds; twice if the host's differs.
fn built(choice: &[&str]) -> BTreeSet<(String, BTreeSet<String>)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}|{f}"]).args(choice);
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    let lines = text.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|'));
    // Members are in a folder: their features are their own matter.
    let foreign = lines.filter(|(package, _)| !package.contains('/'));
    let features = |list: &str| list.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
    foreign.map(|(package, list)| (package.to_owned(), features(list))).collect()
}
