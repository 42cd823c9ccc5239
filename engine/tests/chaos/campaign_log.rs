//! What was done to the system and when: the log of a campaign. It stays in a folder with the engines' logs, and a test that
//! fails says where.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use crate::faults::Fault;

pub(crate) struct CampaignLog {
    pub(crate) folder: PathBuf,
    file: File,
    began: Instant,
    seed: u64,
    /// Faults by kind.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// What must not happen whatever dies; the campaign goes on to its end and fails there.
    pub(crate) findings: Vec<String>,
    /// Changes of rules that the API answered with success.
    pub(crate) rule_changes: u32,
}

impl CampaignLog {
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{seed}"));
        // An earlier run of the same seed.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the folder for tests is writable");
        let file = File::create(folder.join("faults.log")).expect("the folder is writable");
        Self {
            folder,
            file,
            began: Instant::now(),
            seed,
            counts: BTreeMap::new(),
            findings: Vec::new(),
            rule_changes: 0,
        }
    }

    pub(crate) fn note(&mut self, what: impl AsRef<str>) {
        let clock = chrono::Utc::now().format("%H:%M:%S%.3f");
        let line = format!("{clock} {:8.3} {}", self.began.elapsed().as_secs_f64(), what.as_ref());
        writeln!(self.file, "{line}").expect("the folder is writable");
    }

    /// A fault of this kind begins.
    pub(crate) fn fault(&mut self, kind: &'static str, what: impl AsRef<str>) {
        *self.counts.entry(kind).or_default() += 1;
        self.note(format!("{kind}: {}", what.as_ref()));
    }

    pub(crate) fn finding(&mut self, what: String) {
        self.note(format!("FINDING {what}"));
        self.findings.push(what);
    }

    pub(crate) fn count(&self, kinds: &[&str]) -> u64 {
        kinds.iter().filter_map(|kind| self.counts.get(kind)).sum()
    }

    /// How many lines of the engines' logs say this.
    pub(crate) fn said(&self, what: &str) -> usize {
        self.lines(|line| line.contains(what))
    }

    /// How many tries of a running engine's checkpoints failed because the disk was full.
    pub(crate) fn steps_without_room(&self) -> usize {
        let no_room = ["Errcode: 28", "(1114)"];
        self.lines(|line| line.contains("committing a checkpoint: ") && no_room.iter().any(|why| line.contains(why)))
    }

    /// Faults of the database that no engine has met yet.
    pub(crate) fn unmet(&self) -> Vec<Fault> {
        let met = [
            (Fault::DiskFull, self.steps_without_room()),
            (Fault::Deadlock, self.said("Deadlock")),
            (Fault::LocksHeld, self.said("Lock wait timeout")),
        ];
        met.into_iter().filter(|(_, lines)| *lines == 0).map(|(fault, _)| fault).collect()
    }

    fn lines(&self, wanted: impl Fn(&str) -> bool) -> usize {
        let logs = std::fs::read_dir(&self.folder).expect("it is there").flatten().map(|entry| entry.path());
        let logs =
            logs.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("engine")));
        let lines = |text: String| text.lines().filter(|line| wanted(line)).count();
        logs.map(|path| lines(std::fs::read_to_string(path).unwrap_or_default())).sum()
    }

    /// The engines' logs are needed no longer, unless KEEP is set.
    pub(crate) fn all_is_well(&self) {
        if std::env::var_os("KEEP").is_some() {
            return;
        }
        for entry in std::fs::read_dir(&self.folder).expect("it is there").flatten() {
            if entry.file_name() != "faults.log" {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for CampaignLog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let faults = std::fs::read_to_string(self.folder.join("faults.log")).unwrap_or_default();
            eprintln!("SEED={} failed; logs of faults and engines: {}\n{faults}", self.seed, self.folder.display());
        }
    }
}
