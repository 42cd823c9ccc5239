//! A disk that is full for a while, for one process: a library in front of the C library's lets no file grow. It needs no
//! file system of its own and no rights.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A switch for the disk of one process.
pub struct FullDisk {
    library: PathBuf,
    flag: PathBuf,
}

impl FullDisk {
    /// What it is made of goes into `folder`.
    pub fn new(folder: &Path) -> Self {
        let (library, flag) = (folder.join("full_disk.so"), folder.join("full"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stack/full_disk.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", source, "-ldl", "-o"])
            .arg(&library)
            .output()
            .expect("cc, which rustc links with");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { library, flag }
    }

    /// What the process that has this disk is started with.
    pub fn env(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("WEIR_FULL_DISK", &self.flag)]
    }

    /// From now on no file of the process grows.
    pub fn fill(&self) {
        std::fs::write(&self.flag, "").expect("the folder is writable");
    }

    /// There is room again.
    pub fn free(&self) {
        std::fs::remove_file(&self.flag).expect("it was filled");
    }
}
