//! Says which profile builds it, and gives the release its commit, for `weir --version`. A debug build has none: a commit would compile everything anew. `WEIR_COMMIT`
//! says it where the checkout is not there, as in the image.

mod commit;

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build/main.rs");
    println!("cargo:rerun-if-changed=build/commit.rs");
    println!("cargo:rerun-if-env-changed=WEIR_COMMIT");
    let given = std::env::var("WEIR_COMMIT").ok().filter(|given| !given.trim().is_empty());
    let profile = std::env::var("PROFILE").unwrap_or_default();
    let release = profile == "release";
    let found = || commit::commit(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
    let commit = match given {
        Some(given) => given.trim().to_owned(),
        None if !release => "unknown (a debug build)".to_owned(),
        None => match found() {
            Some((commit, files)) => {
                files.iter().for_each(|file| println!("cargo:rerun-if-changed={}", file.display()));
                commit
            }
            None => "unknown".to_owned(),
        },
    };
    println!("cargo:rustc-env=WEIR_COMMIT={commit}");
    println!("cargo:rustc-env=WEIR_PROFILE={profile}");
}
