//! The rules directory: new and changed files are published, removed ones retire what the directory brought. It knows
//! how files settle, not how a module is vetted.
//!
//! Only a removal that this process saw retires a rule: an instance that starts with an empty mount must not take the
//! rules of all others out of force.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use futures::{FutureExt, StreamExt, stream};
use notify::Watcher;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::change::{Line, entry};
use super::look::{Content, Found};
use super::publish::Publish;
use super::{COMPILERS, Catalog, Refused, stopped};
use crate::fault;
use crate::model::catalog::{Entry, Origin};
use crate::model::ids::Sha256;
use crate::model::store::StoreError;

/// No write for so long: the file is whole.
const SETTLE: Duration = Duration::from_millis(200);
/// Some file systems report no events.
const RESCAN: Duration = Duration::from_secs(5);

/// What the last scans saw, by file name.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, Seen>);

struct Seen {
    stamp: Stamp,
    /// None: it was not read.
    sha256: Option<Sha256>,
    /// The rule that it holds, unless it was refused.
    rule: Option<String>,
}

type Stamp = (SystemTime, u64);

/// Says when to look; ends when dropped.
struct Watch {
    _watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<()>,
}

impl Watch {
    /// Without a watcher (no inotify handles left) the rescans find changes, later.
    fn of(dir: &Path) -> Self {
        let (sender, events) = mpsc::channel(1);
        let look = move |event: notify::Result<notify::Event>| {
            // Our own reads are events too. A full channel holds a wake-up already.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(look).and_then(|mut watcher| {
            watcher.watch(dir, notify::RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::warn!(dir = %dir.display(), %error, "the rules directory is not watched, only rescanned");
        }
        Self { _watcher: watcher.ok(), events }
    }

    async fn changed(&mut self) {
        if self.events.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Catalog {
    /// Scans the directory once, waiting a little for files that are being written.
    pub async fn publish_directory(&self) -> Result<(), StoreError> {
        for _ in 0..5 {
            if self.scan().await? {
                break;
            }
            tokio::time::sleep(SETTLE).await;
        }
        Ok(())
    }

    /// Scans whenever the directory changes, until told to stop.
    pub(super) async fn follow_directory(&self, mut shutdown: watch::Receiver<bool>) {
        let dir = &self.0.config.rules.dir;
        if let Err(error) = std::fs::create_dir_all(dir) {
            tracing::warn!(dir = %dir.display(), %error, "the rules directory can't be made");
        }
        let mut watch = Watch::of(dir);
        let mut look = Instant::now();
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                () = watch.changed() => look = look.min(Instant::now() + SETTLE),
                () = tokio::time::sleep_until(look) => {
                    let again = match self.scan().await {
                        Ok(settled) => if settled { RESCAN } else { SETTLE },
                        Err(error) => {
                            tracing::warn!(%error, "the rules directory could not be taken");
                            RESCAN
                        }
                    };
                    look = Instant::now() + again;
                }
            }
        }
    }

    /// Publishes what is new, retires what is gone. False: a file has not settled, look again.
    async fn scan(&self) -> Result<bool, StoreError> {
        let mut known = self.0.known.lock().await;
        let dir = self.0.config.rules.dir.clone();
        let listed = tokio::task::spawn_blocking(move || list(&dir)).await;
        let files = match listed {
            Ok(Ok(files)) => files,
            // A directory that can't be read says nothing of its files.
            Ok(Err(error)) => {
                tracing::warn!(dir = %self.0.config.rules.dir.display(), %error, "the rules directory can't be read");
                return Ok(true);
            }
            Err(_) => return Ok(true),
        };
        self.forget_problems(|file| files.contains_key(file) || known.0.contains_key(file));
        let (mut settled, mut taken, mut due) = (true, true, Vec::new());
        for (file, (path, stamp)) in &files {
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(why) => {
                    self.unreadable(&mut known, file, why);
                    taken = false;
                    continue;
                }
            };
            let seen = known.0.get(file);
            if seen.is_some_and(|seen| seen.stamp == *stamp && seen.sha256.is_some()) {
                continue;
            }
            // A time in the future (another machine's clock) counts as settled.
            if stamp.0.elapsed().is_ok_and(|age| age < SETTLE) {
                settled = false;
                continue;
            }
            due.push((file.clone(), path.clone(), *stamp, seen.and_then(|seen| seen.sha256)));
        }
        // Tasks: what is being published may wait for a compiler that one of the next files has.
        let look = |(file, path, stamp, before): (String, PathBuf, Stamp, _)| {
            let look = self.clone().look(file.clone(), path, stamp.1, before);
            tokio::spawn(look).map(move |found| (file, stamp, found))
        };
        let mut found = stream::iter(due).map(look).buffered(COMPILERS);
        while let Some((file, stamp, found)) = found.next().await {
            let found = found.unwrap_or_else(|why| Found::Unreadable(std::io::Error::other(why)));
            taken &= self.take(&mut known, &file, stamp, found).await?;
        }
        drop(found);
        // A file may have gone because one that is not taken yet holds its rule: retired and published as new, the rule
        // would lose its mode, order and parameters, and records in between would go unjudged.
        if !settled || !taken {
            return Ok(settled);
        }
        let gone: Vec<String> = known.0.keys().filter(|file| !files.contains_key(*file)).cloned().collect();
        for file in gone {
            self.file_gone(&mut known, &file).await?;
        }
        Ok(settled)
    }

    /// False: not through the file's fault, again at the next scan.
    async fn take(&self, known: &mut Known, file: &str, stamp: Stamp, found: Found) -> Result<bool, StoreError> {
        let (sha256, content) = match found {
            Found::Gone => return Ok(true),
            Found::Unreadable(why) => {
                self.unreadable(known, file, &why);
                return Ok(false);
            }
            Found::TooLarge(refused) => {
                self.problem(file, Some(refused.to_string()));
                // As below: a rule that it brought before stays its own.
                let rule = known.0.remove(file).and_then(|seen| seen.rule);
                known.0.insert(file.to_owned(), Seen { stamp, sha256: None, rule });
                return Ok(true);
            }
            Found::Same => {
                known.0.get_mut(file).expect("it was the same as this").stamp = stamp;
                return Ok(true);
            }
            Found::Content(sha256, content) => (sha256, content?),
        };
        let rule = match self.publish_file(file, sha256, content).await {
            Ok(rule) => {
                self.problem(file, None);
                Some(rule)
            }
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Unknown { why, .. }) => return Err(StoreError::Unknown(why)),
            Err(refused @ (Refused::Conflict(_) | Refused::Compiler(_))) => {
                self.problem(file, Some(refused.to_string()));
                return Ok(false);
            }
            Err(refused) => {
                self.problem(file, Some(refused.to_string()));
                // The rule that an earlier content brought stays in force, and stays this file's.
                known.0.remove(file).and_then(|seen| seen.rule)
            }
        };
        known.0.insert(file.to_owned(), Seen { stamp, sha256: Some(sha256), rule });
        Ok(true)
    }

    /// The name of the rule that the file holds.
    async fn publish_file(&self, file: &str, sha256: Sha256, content: Content) -> Result<String, Refused> {
        let (wasm, vetted) = match content {
            Content::Before(rule) => return Ok(rule),
            Content::New(wasm, vetted) => (wasm, vetted),
        };
        let how = Publish {
            origin: Origin::Directory,
            source: file.to_owned(),
            who: "directory".to_owned(),
            order: None,
            mode: None,
            replace: false,
        };
        let published = self.publish_vetted(vetted, sha256, wasm, how).await?;
        tracing::info!(file, rule = published.name, %sha256, "the directory brought a rule");
        fault::pass("catalog.directory.published");
        self.0.store.set_directory_seen(file, Some(sha256)).await?;
        Ok(published.name)
    }

    async fn file_gone(&self, known: &mut Known, file: &str) -> Result<(), StoreError> {
        // First: who dies between the two leaves a rule in force, as a file that goes while nobody runs does. The other way
        // round the same file would count as known when it comes again, and its rule would stay away.
        self.0.store.set_directory_seen(file, None).await?;
        fault::pass("catalog.directory.forgotten");
        let rule = known.0.get(file).and_then(|seen| seen.rule.clone());
        let elsewhere: BTreeSet<_> =
            known.0.iter().filter(|(name, _)| *name != file).filter_map(|(_, seen)| seen.rule.as_deref()).collect();
        // A renamed file is one that went and one that came with the same rule.
        if let Some(rule) = rule.filter(|rule| !elsewhere.contains(rule.as_str())) {
            match self.retire_from_directory(&rule).await {
                Ok(()) => tracing::info!(file, rule, "the file was removed, its rule is retired"),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Unknown { why, .. }) => return Err(StoreError::Unknown(why)),
                Err(refused) => tracing::info!(file, rule, %refused, "the file was removed, its rule stays"),
            }
        }
        known.0.remove(file);
        self.problem(file, None);
        Ok(())
    }

    async fn retire_from_directory(&self, name: &str) -> Result<(), Refused> {
        let edit = |entries: &mut Vec<Entry>| {
            if !entry(entries, name)?.from_directory {
                return Err(Refused::Unfit(format!("rule {name} was published through the API since")));
            }
            entries.retain(|e| e.name != name);
            Ok(Some("its file was removed".to_owned()))
        };
        self.change(Line::of("retire", name, "directory"), edit).await.map(drop)
    }

    fn unreadable(&self, known: &mut Known, file: &str, why: &std::io::Error) {
        let message = format!("it can't be read: {why}; until it can be, no removed file retires its rule");
        self.problem(file, Some(message));
        // Whatever it holds by then is looked at.
        known.0.entry(file.to_owned()).and_modify(|seen| seen.sha256 = None);
    }

    fn problem(&self, file: &str, message: Option<String>) {
        let mut problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            // What is tried again and again is told once.
            Some(message) if problems.get(file) == Some(&message) => {}
            Some(message) => {
                tracing::warn!(file, message, "a file of the rules directory was refused");
                problems.insert(file.to_owned(), message);
            }
            None => drop(problems.remove(file)),
        }
        metrics::gauge!("weir_rules_file_errors").set(problems.len() as f64);
    }

    /// A file that was never taken and is not there any more has none.
    fn forget_problems(&self, stays: impl Fn(&str) -> bool) {
        let mut problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.retain(|file, _| stays(file));
        metrics::gauge!("weir_rules_file_errors").set(problems.len() as f64);
    }
}

/// Files by name, and why one that is there tells nothing of itself.
type Files = BTreeMap<String, (PathBuf, std::io::Result<Stamp>)>;

/// The `.wasm` files, without hidden ones (editors and Kubernetes write beside and rename).
fn list(dir: &Path) -> std::io::Result<Files> {
    std::fs::create_dir_all(dir)?;
    let mut files = BTreeMap::new();
    for found in std::fs::read_dir(dir)? {
        let found = found?;
        let path = found.path();
        let name = found.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || path.extension().is_none_or(|e| e != "wasm") {
            continue;
        }
        // Follows links: a Kubernetes mount is made of them.
        let stamp = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => meta.modified().map(|time| (time, meta.len())),
            Ok(_) => continue,
            Err(gone) if gone.kind() == ErrorKind::NotFound => continue,
            // A list without it would retire its rule.
            Err(error) => Err(error),
        };
        files.insert(name, (path, stamp));
    }
    Ok(files)
}
