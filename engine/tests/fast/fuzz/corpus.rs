//! fuzz/corpus/TARGET/: one file an input.

use std::fs;
use std::path::{Path, PathBuf};

/// Of all targets together; the repository is no place for what libFuzzer makes in ten minutes.
const FILES: usize = 200;
const BYTES: usize = 300_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// A target's inputs by name.
pub(crate) fn of(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder().join(name)).unwrap_or_else(|e| panic!("fuzz/corpus/{name}: {e}")) {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        inputs.push((path, bytes));
    }
    inputs.sort();
    assert!(!inputs.is_empty(), "fuzz/corpus/{name} is empty");
    inputs
}

#[test]
fn the_corpus_stays_small_and_each_of_it_has_a_target() {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let target = folder().join(format!("../targets/{name}.rs"));
        assert!(target.is_file(), "fuzz/corpus/{name} has no {}", target.display());
        sizes.extend(of(&name).iter().map(|(_, bytes)| bytes.len()));
    }
    let bytes: usize = sizes.iter().sum();
    assert!(sizes.len() < FILES && bytes < BYTES, "{} files of {bytes} bytes", sizes.len());
}
