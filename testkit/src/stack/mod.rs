//! The real services, as `stack/up` starts them, in a folder of the test's own; `stack/down` when it goes out of scope.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kafka, MariaDB and Redis on free ports.
pub struct Stack {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("engine/ stands in the root").to_owned()
}

impl Stack {
    /// Starts all three; panics with what `stack/up` said if it can't.
    pub fn up() -> Self {
        Self::start(&mut Command::new(root().join("stack/up")))
    }

    /// The same, with a listener of Kafka's whose clients are sent on to this port, where the test has a proxy.
    pub fn far(port: u16) -> Self {
        Self::start(Command::new(root().join("stack/up")).env("WEIR_STACK_FAR", port.to_string()))
    }

    /// Of the listener for the proxy: where that leads.
    pub fn far_broker(&self) -> &str {
        self.var("WEIR_FAR_BROKER")
    }

    fn start(up: &mut Command) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = up.arg(folder.path().join("stack")).output().expect("stack/up runs");
        assert!(output.status.success(), "stack/up: {}", String::from_utf8_lossy(&output.stderr));
        let env = String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.trim_start_matches("export ").split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
            .collect();
        Self { folder, env }
    }

    fn var(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("stack/up did not print {name}: {:?}", self.env))
    }

    pub fn brokers(&self) -> &str {
        self.var("WEIR_BROKERS")
    }

    pub fn mysql(&self) -> &str {
        self.var("WEIR_MYSQL_URL")
    }

    pub fn redis(&self) -> &str {
        self.var("WEIR_REDIS_URL")
    }

    /// The folder that `stack/up` was given.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("stack")
    }

    /// The process of a service: `kafka`, `mysql`, `redis`.
    pub fn pid(&self, service: &str) -> i32 {
        let file = self.folder().join(service).join("pid");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        text.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("\"PID START-TIME\"")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = Command::new(root().join("stack/down")).arg(self.folder()).output();
    }
}
