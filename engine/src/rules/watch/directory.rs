//! The rules directory: new and changed files are published, removed ones retire what the directory brought. It knows
//! how files settle, not how a module is vetted.
//!
//! Only a removal that this process saw retires a rule, one file at a time and in the directory that it was in: an instance
//! that starts with an empty mount, or under which one is taken away, must not take the rules of all others out of force.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::known::{Known, Seen};
use super::listing::{Listing, Stamp, list};
use super::read_file::{Content, Found};
use super::watcher::Watch;
use crate::conditions::Severity;
use crate::config;
use crate::fault;
use crate::model::catalog::{Entry, Origin};
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::catalog::{COMPILERS, Catalog, CatalogError, Line, Publish, Refused, entry, stopped};

/// No write for so long: the file is whole.
const SETTLE: Duration = Duration::from_millis(200);
/// Some file systems report no events.
const RESCAN: Duration = Duration::from_secs(5);
/// Of a look at the directory or at a file: a network file system may never answer.
pub(in crate::rules) const PATIENCE: Duration = Duration::from_secs(10);

/// The directory is away, or nobody may trust it.
const AWAY: &str = "rules.directory";
/// A rule that the directory brought has no file there.
const NO_FILE: &str = "rules.file_missing";

impl Catalog {
    /// Whether the directory can be used: asked before anything else is touched. The engine never makes it.
    pub async fn check_directory(rules: &config::Rules) -> Result<(), CatalogError> {
        let dir = rules.dir.clone();
        let looked = tokio::task::spawn_blocking(move || list(&dir)).await;
        looked.unwrap_or_else(|why| Err(why.to_string())).map(drop).map_err(CatalogError::Directory)
    }

    /// Scans the directory once, waiting a little for files that are being written. One that can't be used is an error.
    pub async fn publish_directory(&self) -> Result<(), CatalogError> {
        self.listed().await.map_err(CatalogError::Directory)?;
        for _ in 0..5 {
            if self.scan().await? {
                break;
            }
            tokio::time::sleep(SETTLE).await;
        }
        Ok(())
    }

    /// Scans whenever the directory changes, until told to stop.
    pub(in crate::rules) async fn follow_directory(&self, mut shutdown: watch::Receiver<bool>) {
        let dir = &self.0.config.rules.dir;
        let (mut watch, mut watched) = (Watch::of(dir), None);
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
                    // A watch is on the directory that was there, not on the one that came since, and none survives a move.
                    let found = self.0.known.lock().await.found().cloned();
                    if found.is_some() && watched != found {
                        watch = Watch::of(dir);
                    }
                    watched = found;
                }
            }
        }
    }

    /// Publishes what is new, retires what is gone. False: a file has not settled, look again.
    async fn scan(&self) -> Result<bool, StoreError> {
        let mut known = self.0.known.lock().await;
        let scanned = self.scan_for(&mut known).await;
        self.0.looked.store(true, Ordering::Release);
        self.assess();
        scanned
    }

    /// The directory as it is now.
    async fn listed(&self) -> Result<Listing, String> {
        let dir = self.0.config.rules.dir.clone();
        // One at a time: a look that hangs keeps its thread.
        let place = self.0.listing.clone();
        let look = async move {
            let place = place.acquire_owned().await.map_err(|closed| closed.to_string())?;
            let look = move || {
                let _place = place;
                list(&dir)
            };
            tokio::task::spawn_blocking(look).await.map_err(|why| why.to_string())?
        };
        let dir = self.0.config.rules.dir.display();
        tokio::time::timeout(PATIENCE, look)
            .await
            .unwrap_or_else(|_| Err(format!("{dir} gave no answer within {PATIENCE:?}: look after its file system")))
    }

    async fn scan_for(&self, known: &mut Known) -> Result<bool, StoreError> {
        if self.is_held() {
            return Ok(true);
        }
        let Listing { identity, files } = match self.listed().await {
            Ok(listing) => listing,
            // A directory that can't be read says nothing of its files.
            Err(why) => {
                let message = format!(
                    "rules.dir: {why}. The rules that it brought stay in force; no file is published or retired meanwhile"
                );
                self.0.conditions.raise(Severity::Warning, AWAY, "", message);
                known.now(None);
                return Ok(true);
            }
        };
        self.0.conditions.clear(AWAY, "");
        known.now(Some(&identity));
        self.forget_problems(|file| files.contains_key(file) || known.files.contains_key(file));
        let (mut settled, mut taken, mut due) = (true, true, Vec::new());
        for (file, (path, stamp)) in &files {
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(why) => {
                    self.unreadable(known, file, why);
                    taken = false;
                    continue;
                }
            };
            let seen = known.files.get(file);
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
            taken &= self.take(known, &file, stamp, found).await?;
        }
        drop(found);
        // A file may have gone because one that is not taken yet holds its rule: retired and published as new, the rule
        // would lose its mode, order and parameters, and records in between would go unjudged.
        if !settled || !taken {
            return Ok(settled);
        }
        let gone: BTreeSet<String> = known.files.keys().filter(|file| !files.contains_key(*file)).cloned().collect();
        // Twice in a row: a directory that is being emptied is not met when the first file has gone.
        if !known.still_gone(&gone) {
            return Ok(false);
        }
        let live = self.live();
        let brought = |rule: &str| live.rules.iter().any(|known| known.from_directory && *known.id.name == *rule);
        if known.may_retire(&gone, identity, brought) {
            for file in gone {
                self.file_gone(known, &file).await?;
            }
        } else {
            // What was published from them stays noted in the store: a file that comes back as it was changes nothing.
            for file in gone {
                known.files.remove(&file);
                self.problem(&file, None);
            }
        }
        self.tell_rules_without_a_file(known);
        Ok(settled)
    }

    fn tell_rules_without_a_file(&self, known: &Known) {
        let (live, dir) = (self.live(), self.0.config.rules.dir.display());
        let mut without = BTreeSet::new();
        for rule in live.rules.iter().filter(|rule| rule.from_directory && !known.holds(&rule.id.name)) {
            let name = &*rule.id.name;
            without.insert(name);
            let message = format!(
                "rule {name} came from {dir}, and no file there holds it now: the directory is another one than before, several \
                 files went at once, or this process did not see it go. The rule stays as it is. Put the file back, or retire \
                 the rule (DELETE /rules/{name})"
            );
            self.0.conditions.raise(Severity::Warning, NO_FILE, name, message);
        }
        self.0.conditions.keep(NO_FILE, |rule| without.contains(rule));
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
                let rule = known.files.remove(file).and_then(|seen| seen.rule);
                known.files.insert(file.to_owned(), Seen { stamp, sha256: None, rule });
                return Ok(true);
            }
            Found::Same => {
                known.files.get_mut(file).expect("it was the same as this").stamp = stamp;
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
                known.files.remove(file).and_then(|seen| seen.rule)
            }
        };
        known.files.insert(file.to_owned(), Seen { stamp, sha256: Some(sha256), rule });
        Ok(true)
    }

    /// The name of the rule that the file holds.
    async fn publish_file(&self, file: &str, sha256: Sha256, content: Content) -> Result<String, Refused> {
        let (wasm, owner, vetted) = match content {
            Content::Before(rule) => return Ok(rule),
            Content::New { wasm, owner, vetted } => (wasm, owner, vetted),
        };
        let how = Publish {
            origin: Origin::Directory,
            source: format!("{file}, of user {owner}"),
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
        let rule = known.files.get(file).and_then(|seen| seen.rule.clone());
        // A renamed file is one that went and one that came with the same rule.
        if let Some(rule) = rule.filter(|rule| !known.holds_beside(file, rule)) {
            match self.retire_from_directory(&rule).await {
                Ok(()) => tracing::info!(file, rule, "the file was removed, its rule is retired"),
                Err(Refused::Store(error)) => return Err(error),
                Err(Refused::Unknown { why, .. }) => return Err(StoreError::Unknown(why)),
                Err(refused) => tracing::info!(file, rule, %refused, "the file was removed, its rule stays"),
            }
        }
        known.files.remove(file);
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
        known.files.entry(file.to_owned()).and_modify(|seen| seen.sha256 = None);
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
