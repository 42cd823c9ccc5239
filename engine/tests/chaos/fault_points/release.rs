//! No release has the points: without its feature `failpoints` the crate `fail` leaves nothing of them.

use std::process::Command;

/// The crate `fail` as cargo would build it for these edges, with its features.
fn features(edges: &str) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--offline", "-p", "weir", "--prefix", "none", "-f", "{p} {f}", "-e", edges]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().find(|line| line.starts_with("fail v")).expect("the engine depends on it").to_owned()
}

#[test]
fn a_build_has_no_fault_points_and_the_tests_have_them() {
    assert!(!features("normal,build").contains("failpoints"), "{}", features("normal,build"));
    assert!(features("normal,build,dev").contains("failpoints"), "{}", features("normal,build,dev"));
}
