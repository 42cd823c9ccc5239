//! A disk of a few megabytes that a test fills and frees: a tmpfs, which takes the right to mount (root has it).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

impl SmallDisk {
    pub(crate) fn new(size: &str) -> Self {
        let disk = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(disk.path());
        let done = mount.output().expect("mount runs");
        let why = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "this test mounts a tmpfs, which takes root or CAP_SYS_ADMIN: {why}");
        disk
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Until not a byte more fits.
    pub(crate) fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).expect("writable");
        let block = [0x55; 4096];
        while ballast.write_all(&block).is_ok() {}
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled");
    }
}
