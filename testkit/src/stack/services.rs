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
    /// Other tests use it at the same time.
    shared: bool,
}

static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());

/// The stack of all tests that disturb none: the one of `WEIR_TEST_STACK`, or one of this process, which lives as long as a test
/// has it, so it is always ended; libtest runs two tests at a time or more.
pub fn shared() -> Arc<Stack> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let given = std::env::var_os("WEIR_TEST_STACK").map(|folder| Stack::at(Path::new(&folder)));
        let mut stack = given.unwrap_or_else(Stack::up);
        stack.shared = true;
        let stack = Arc::new(stack);
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
        let own = tempfile::tempdir().expect("a temporary folder");
        let folder = own.path().join("stack");
        let mut up = Command::new(root().join("stack/up"));
        let output = up.arg(&folder).env("WEIR_STACK_FOR", "tests").output().expect("stack/up runs");
        assert!(output.status.success(), "stack/up: {}", String::from_utf8_lossy(&output.stderr));
        let env = environment(&String::from_utf8_lossy(&output.stdout));
        Self { folder, env, own: Some(own), shared: false }
    }

    /// One that runs already, of whoever started it.
    fn at(folder: &Path) -> Self {
        let file = folder.join("env");
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|why| panic!("no stack runs here: {}: {why}", file.display()));
        Self { folder: folder.to_owned(), env: environment(&text), own: None, shared: false }
    }

    fn var(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("stack/up did not print {name}: {:?}", self.env))
    }

    /// `source.brokers`.
    pub fn brokers(&self) -> &str {
        self.var("WEIR_BROKERS")
    }

    /// The broker's listener for clients that are far away, and the port to which it sends them on: a proxy of the test's is to
    /// listen there and to lead to the first.
    pub fn far(&self) -> (&str, u16) {
        (self.var("WEIR_FAR_BROKER"), self.var("WEIR_FAR_PROXY").parse().expect("a port"))
    }

    /// URL of the database `weir`.
    pub fn mysql(&self) -> &str {
        self.var("WEIR_MYSQL_URL")
    }

    /// URL of Redis.
    pub fn redis(&self) -> &str {
        self.var("WEIR_REDIS_URL")
    }

    /// Whether other tests use it, so that nothing of it may be taken away.
    pub fn is_shared(&self) -> bool {
        self.shared
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
            let _ = Command::new(root().join("stack/down")).arg(&self.folder).arg("now").output();
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
