//! `weir run` as a process, seen from outside: its log, its memory, its end.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Killed if the test ends before it does.
pub(crate) struct Engine {
    child: Child,
    log: PathBuf,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log");
        let both = file.try_clone().expect("a handle");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn().expect("weir starts");
        Self { child, log }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is ours")
    }

    /// SIGTERM; it must end well by itself.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.ended() {
                assert!(status.success(), "after SIGTERM: {status}\n{}", self.said());
                return;
            }
            assert!(Instant::now() < end, "SIGTERM did not end it within 60 s\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn runs(&mut self) {
        let ended = self.ended();
        assert!(ended.is_none(), "the engine ended: {ended:?}\n{}", self.said());
    }

    /// Asks until it is so, while the engine runs; `what` says what was waited for.
    pub(crate) fn until(&mut self, what: &str, within: Duration, mut so: impl FnMut() -> bool) {
        let end = Instant::now() + within;
        while !so() {
            self.runs();
            assert!(Instant::now() < end, "not within {within:?}: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:") / 1024
    }

    #[allow(dead_code, reason = "only the tests of a topic's edges ask")]
    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a running process has it");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}
