//! An authority and what it signed (`stack/certificates`), in a folder of the test's own.

use std::process::Command;

/// A folder of certificates, which goes with the value.
pub struct Certificates(tempfile::TempDir);

impl Certificates {
    /// Makes all of them.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = super::root().join("stack/certificates");
        let made = Command::new(script).arg(folder.path()).status().expect("stack/certificates runs");
        assert!(made.success(), "stack/certificates: {made}");
        Self(folder)
    }

    /// The path of one, by its file's name.
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}
