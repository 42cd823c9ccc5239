//! `weir run` as a process, seen from outside: its log, its memory, its end.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::wait::{self, Fair, STILL, patience};

/// From SIGTERM to the end: `checkpoint.drain`, 10 s unless a test says otherwise, 2 s for the rest, and some for a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// Lines of a log that a failure shows.
const LAST: usize = 60;

/// What a log has said so far, as a sign of progress: the same as before if no line came that differs from all others by more
/// than its figures. What is tried again and again is no progress.
pub struct Words {
    kinds: usize,
    end: String,
}

impl Words {
    /// Of the whole of a log.
    pub fn of(log: &str) -> Self {
        let lines: Vec<_> = log.lines().collect();
        let kinds: BTreeSet<_> = lines.iter().map(|line| line.replace(|c: char| c.is_ascii_digit(), "")).collect();
        Self { kinds: kinds.len(), end: lines[lines.len().saturating_sub(LAST)..].join("\n") }
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.kinds == other.kinds
    }
}

/// The last lines, as they are.
impl Debug for Words {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.end)
    }
}

/// Killed if the test ends before it does.
pub struct Engine {
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
    /// Starts it; both of its outputs are added to the log.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log");
        let both = file.try_clone().expect("a handle");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn().expect("weir starts");
        Self { child, log }
    }

    /// With standard error that nobody reads any more, so it has no log.
    pub fn start_unread(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("weir starts");
        drop(child.stderr.take());
        Self { child, log: PathBuf::new() }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// Sends it a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success());
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is ours")
    }

    /// SIGTERM; it must end well by itself, and as soon as it claims to.
    pub fn stop(mut self) {
        let asked = Fair::start();
        self.signal("TERM");
        let status = self.until_ended("SIGTERM");
        assert!(status.success(), "after SIGTERM: {status}\n{}", self.said());
        let took = asked.elapsed();
        assert!(took < STOPPED_WITHIN, "it ended {took:?} after SIGTERM\n{}", self.said());
    }

    /// Waits until it has ended, as long as its log says new things; `why` it should. How it ended.
    pub fn until_ended(&mut self, why: &str) -> ExitStatus {
        self.until_ended_beside(why, || ())
    }

    /// The same where the test has something to do in every round.
    pub fn until_ended_beside(&mut self, why: &str, mut beside: impl FnMut()) -> ExitStatus {
        wait::until_some(&format!("the engine ends: {why}"), || {
            beside();
            self.ended().ok_or_else(|| self.words())
        })
    }

    /// Waits until its log has this text.
    pub fn until_it_says(&mut self, text: &str) {
        let log = self.log.clone();
        let says = || std::fs::read_to_string(&log).unwrap_or_default().contains(text);
        self.until(&format!("its log has {text:?}"), STILL, says);
    }

    /// Fails if it has ended.
    pub fn runs(&mut self) {
        let ended = self.ended();
        assert!(ended.is_none(), "the engine ended: {ended:?}\n{}", self.said());
    }

    /// Asks until it is so, while the engine runs; `what` says what was waited for. `usual`: what it takes at most where the machine
    /// has time; it is given up only much later, so a slow minute makes a test slow and not red.
    pub fn until(&mut self, what: &str, usual: Duration, mut so: impl FnMut() -> bool) {
        let patience = patience(usual);
        let (mut end, mut before) = (Instant::now() + patience, self.words());
        while !so() {
            self.runs();
            if Instant::now() > end {
                let words = self.words();
                assert!(words != before, "nothing new was said within {patience:?} on the way to: {what}; {words:?}");
                (end, before) = (Instant::now() + patience, words);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The same for what the engine claims: it is so within that time, by a stopwatch that stands still while the machine is short of
    /// something. It too is waited for for long, so that what is late is told by how much.
    pub fn within(&mut self, what: &str, claim: Duration, so: impl FnMut() -> bool) {
        let asked = Fair::start();
        self.until(what, claim, so);
        let took = asked.elapsed();
        assert!(took < claim, "{what}: after {took:?}, and not within {claim:?}\n{}", self.said());
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> u64 {
        self.mebibytes("VmRSS:")
    }

    /// The most that it was since the start, or since `forget_peak`.
    pub fn peak_memory(&self) -> u64 {
        self.mebibytes("VmHWM:")
    }

    /// Sets the peak of memory back to what is resident now.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("it is ours");
    }

    /// How many descriptors it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs").count()
    }

    /// glibc's: the one of the whole process, and the others, which begin with 64 MiB of addresses each, in use or reserved.
    pub fn malloc_pools(&self) -> usize {
        const ADDRESSES: u64 = 64 << 20;
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.child.id())).expect("it runs");
        let areas: Vec<_> = maps.lines().filter_map(area).collect();
        let reserved = areas.windows(2).filter(|pair| match pair {
            [(from, to, "rw-p"), (next, end, "---p")] => to == next && end - from == ADDRESSES && from % ADDRESSES == 0,
            _ => false,
        });
        1 + reserved.count()
    }

    fn mebibytes(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(what)).expect("a running process has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("kB") / 1024
    }

    /// What its log has said so far.
    pub fn words(&self) -> Words {
        Words::of(&std::fs::read_to_string(&self.log).unwrap_or_default())
    }

    /// The end of its log.
    pub fn said(&self) -> String {
        self.words().end
    }
}

/// Of a line of `/proc/PID/maps`: from, to and what is allowed there, of memory that is no file's.
fn area(line: &str) -> Option<(u64, u64, &str)> {
    let mut parts = line.split_whitespace();
    let (from, to) = parts.next()?.split_once('-')?;
    let allowed = parts.next()?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    (parts.count() == 3).then_some((address(from)?, address(to)?, allowed))
}
