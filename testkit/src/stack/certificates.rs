//! An authority and what it signed (`stack/certificates`), in a folder of the test's own.

use std::path::Path;
use std::process::Command;

pub struct Certificates(tempfile::TempDir);

impl Certificates {
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack/certificates");
        let made = Command::new(script).arg(folder.path()).status().expect("stack/certificates runs");
        assert!(made.success(), "stack/certificates: {made}");
        Self(folder)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}
