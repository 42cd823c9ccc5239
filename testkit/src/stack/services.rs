//! One stack: three processes and a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Kafka, MariaDB and Redis on free ports.
pub struct Stack {
    folder: PathBuf,
    env: BTreeMap<String, String>,
    /// What is above the folder, if the stack was started here: it ends with this value.
    own: Option<tempfile::TempDir>,
}

static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());

/// The stack of all tests that disturb none: the one of `WEIR_TEST_STACK`, or one of this process, which lives as long as a test
/// has it, so it is always ended; libtest runs two tests at a time or more.
pub fn shared() -> Arc<Stack> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let given = std::env::var_os("WEIR_TEST_STACK").map(|folder| Stack::at(Path::new(&folder)));
        let stack = Arc::new(given.unwrap_or_else(Stack::up));
        *shared = Arc::downgrade(&stack);
        stack
    })
}

/// The built `weir`, which cargo builds beside the tests.
pub fn weir() -> Command {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("weir"));
    let path = std::env::var_os("CARGO_BIN_EXE_weir").map(PathBuf::from).or_else(beside).expect("a test is a file");
    assert!(path.is_file(), "{} is not there: cargo build -p weir", path.display());
    Command::new(path)
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("testkit/ stands in the root").to_owned()
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
        let own = tempfile::tempdir().expect("a temporary folder");
        let folder = own.path().join("stack");
        let output = up.arg(&folder).output().expect("stack/up runs");
        assert!(output.status.success(), "stack/up: {}", String::from_utf8_lossy(&output.stderr));
        let env = environment(&String::from_utf8_lossy(&output.stdout));
        Self { folder, env, own: Some(own) }
    }

    /// One that runs already, of whoever started it.
    fn at(folder: &Path) -> Self {
        let file = folder.join("env");
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|why| panic!("no stack runs here: {}: {why}", file.display()));
        Self { folder: folder.to_owned(), env: environment(&text), own: None }
    }

    fn var(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("stack/up did not print {name}: {:?}", self.env))
    }

    /// `source.brokers`.
    pub fn brokers(&self) -> &str {
        self.var("WEIR_BROKERS")
    }

    /// URL of the database `weir`.
    pub fn mysql(&self) -> &str {
        self.var("WEIR_MYSQL_URL")
    }

    /// URL of Redis.
    pub fn redis(&self) -> &str {
        self.var("WEIR_REDIS_URL")
    }

    /// The folder that `stack/up` was given.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone()
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
        if self.own.is_some() {
            let _ = Command::new(root().join("stack/down")).arg(&self.folder).output();
        }
    }
}

/// What `stack/up` prints, by name.
fn environment(text: &str) -> BTreeMap<String, String> {
    let variable = |line: &str| {
        let (name, value) = line.trim_start_matches("export ").split_once('=')?;
        Some((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()))
    };
    text.lines().filter_map(variable).collect()
}
