//! Follows the rules directory: what is new or changed is published, what is gone is retired, in the order of [`scan`].
//!
//! Only a removal that this process saw retires a rule, one file at a time, in the directory that it was in and while the files of
//! all other rules are there: an instance that starts with an empty mount, under which one is taken away, or which has but a part of
//! the files yet must not take the rules of all others out of force.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::events::Events;
use super::listing::{File as ListedFile, Files as ListedFiles, Identity, Listing, Stamp, list};
use super::problems::{FileProblem, Problems};
use super::read_file::{Content, Files, Found, TIMEOUT};
use super::scan::{Directory, FilesTaken, scan};
use super::seen::{Seen as SeenIn, SeenFile};
use crate::conditions::Severity;
use crate::config;
use crate::fault;
use crate::model::catalog::Origin;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::catalog::{Catalog, CatalogError, DIRECTORY, Held, Publish, Refused};
use crate::rules::module::COMPILERS;

/// No write for so long: the file is whole.
const SETTLE: Duration = Duration::from_millis(200);
/// Time between two scans without an event: some file systems report none.
const RESCAN: Duration = Duration::from_secs(5);

/// The directory is away, or nobody may trust it.
const AWAY: &str = "rules.directory";
/// A rule that the directory brought has no file there.
const NO_FILE: &str = "rules.file_missing";
/// Kafka and the database contradict each other, or nobody knows yet that they belong together.
const HELD: &str = "rules.directory_held";

type Seen = SeenIn<Identity>;

/// The directory of `[rules] dir`, which publishes into a catalog.
pub struct RulesDirectory {
    catalog: Arc<Catalog>,
    dir: PathBuf,
    files: Files,
    problems: Problems,
    /// Held while the directory is scanned.
    seen: Mutex<Seen>,
    /// One listing at a time: one that hangs keeps its thread.
    listing: Arc<Semaphore>,
}

/// What a scan has to read.
struct Due {
    /// Name, path, time and size, and the digest of what was read before.
    files: Vec<(String, PathBuf, Stamp, Option<Sha256>)>,
    /// No file is being written.
    settled: bool,
    /// Every file of the directory is known or in `files`.
    taken: bool,
}

impl RulesDirectory {
    /// The watcher of `rules.dir`. Reads nothing yet.
    pub fn new(catalog: Arc<Catalog>, rules: &config::Rules) -> Self {
        Self {
            dir: rules.dir.clone(),
            files: Files::new(catalog.clone(), rules.max_module.as_u64()),
            catalog,
            problems: Problems::default(),
            seen: Mutex::default(),
            listing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether the directory can be used: asked before anything else is touched. The engine never makes it.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn check(rules: &config::Rules) -> Result<(), CatalogError> {
        let dir = rules.dir.clone();
        let looked = tokio::task::spawn_blocking(move || list(&dir)).await;
        looked.unwrap_or_else(|why| Err(why.to_string())).map(drop).map_err(CatalogError::Directory)
    }

    /// Scans the directory once, waiting up to a second for files that are being written.
    ///
    /// # Errors
    /// The directory can't be used, or the store can't be asked.
    pub async fn publish(&self) -> Result<(), CatalogError> {
        self.list().await.map_err(CatalogError::Directory)?;
        for _ in 0..5 {
            if self.scan().await? {
                break;
            }
            tokio::time::sleep(SETTLE).await;
        }
        Ok(())
    }

    /// Files that were refused, by name.
    pub fn problems(&self) -> Vec<FileProblem> {
        self.problems.all()
    }

    /// Scans whenever the directory changes, until told to stop.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let (mut events, mut watched) = (Events::of(&self.dir), None);
        let mut look = Instant::now();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = events.changed() => look = look.min(Instant::now() + SETTLE),
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
                    let found = self.seen.lock().await.found().cloned();
                    if found.is_some() && watched != found {
                        events = Events::of(&self.dir);
                    }
                    watched = found;
                }
            }
        }
    }

    /// Publishes what is new, retires what is gone. False: look again soon.
    async fn scan(&self) -> Result<bool, StoreError> {
        let mut seen = self.seen.lock().await;
        let scanned = scan(self, &mut seen).await;
        self.catalog.directory_scanned();
        scanned
    }

    /// The directory as it is now.
    async fn list(&self) -> Result<Listing, String> {
        let (dir, listing) = (self.dir.clone(), self.listing.clone());
        let look = async move {
            let turn = listing.acquire_owned().await.map_err(|closed| closed.to_string())?;
            let look = move || {
                let _turn = turn;
                list(&dir)
            };
            tokio::task::spawn_blocking(look).await.map_err(|why| why.to_string())?
        };
        let dir = self.dir.display();
        tokio::time::timeout(TIMEOUT, look)
            .await
            .unwrap_or_else(|_| Err(format!("{dir} gave no answer within {TIMEOUT:?}: look after its file system")))
    }

    /// Which files are to be read: new ones, and those that were written since.
    fn due(&self, seen: &mut Seen, files: &ListedFiles) -> Due {
        let mut due = Due { files: Vec::new(), settled: true, taken: true };
        for (file, (path, stamp)) in files {
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(why) => {
                    self.unreadable(seen, file, why);
                    due.taken = false;
                    continue;
                }
            };
            let before = seen.files.get(file);
            if before.is_some_and(|before| before.stamp == *stamp && before.sha256.is_some()) {
                continue;
            }
            // A time in the future (another machine's clock) counts as settled.
            if stamp.0.elapsed().is_ok_and(|age| age < SETTLE) {
                due.settled = false;
                continue;
            }
            due.files.push((file.clone(), path.clone(), *stamp, before.and_then(|before| before.sha256)));
        }
        due
    }

    fn report_rules_without_a_file(&self, seen: &Seen) {
        let (live, dir) = (self.catalog.live(), self.dir.display());
        let mut without = BTreeSet::new();
        for rule in live.rules.iter().filter(|rule| rule.from_directory && !seen.holds(&rule.id.name)) {
            let name = &*rule.id.name;
            without.insert(name);
            let message = format!(
                "rule {name} came from {dir}, and no file there holds it now: the directory is another one than before, several \
                 files went at once or are missing, or this process did not see it go. The rule stays as it is. Put the file \
                 back, or retire the rule (DELETE /rules/{name})"
            );
            self.catalog.conditions().raise(Severity::Warning, NO_FILE, name, message);
        }
        self.catalog.conditions().keep(NO_FILE, |rule| without.contains(rule));
    }

    /// False: not through the file's fault, again at the next scan.
    async fn take_file(&self, seen: &mut Seen, file: &str, stamp: Stamp, found: Found) -> Result<bool, StoreError> {
        let (sha256, content) = match found {
            Found::Gone => return Ok(true),
            Found::Unreadable(why) => {
                self.unreadable(seen, file, &why);
                return Ok(false);
            }
            Found::TooLarge(refused) => {
                self.problems.set(file, Some(refused.to_string()));
                // As below: a rule that it brought before stays its own.
                let rule = seen.files.remove(file).and_then(|before| before.rule);
                seen.files.insert(file.to_owned(), SeenFile { stamp, sha256: None, rule });
                return Ok(true);
            }
            Found::Same => {
                seen.files.get_mut(file).expect("it was the same as this").stamp = stamp;
                return Ok(true);
            }
            Found::Content(sha256, content) => (sha256, content?),
        };
        let rule = match self.publish_file(file, sha256, content).await {
            Ok(rule) => {
                self.problems.set(file, None);
                Some(rule)
            }
            Err(Refused::Store(error)) => return Err(error),
            Err(Refused::Unknown { why, .. }) => return Err(StoreError::Unknown(why)),
            Err(refused @ (Refused::Conflict(_) | Refused::Compiler(_))) => {
                self.problems.set(file, Some(refused.to_string()));
                return Ok(false);
            }
            Err(refused) => {
                self.problems.set(file, Some(refused.to_string()));
                // The rule that an earlier content brought stays in force, and stays this file's.
                seen.files.remove(file).and_then(|before| before.rule)
            }
        };
        seen.files.insert(file.to_owned(), SeenFile { stamp, sha256: Some(sha256), rule });
        Ok(true)
    }

    /// The name of the rule that the file holds.
    async fn publish_file(&self, file: &str, sha256: Sha256, content: Content) -> Result<String, Refused> {
        let (brought, owner) = match content {
            Content::Before(rule) => return Ok(rule),
            Content::New { brought, owner } => (brought, owner),
        };
        let how = Publish {
            origin: Origin::Directory,
            source: format!("{file}, of user {owner}"),
            who: DIRECTORY.to_owned(),
            reason: None,
            seen: None,
            order: None,
            mode: None,
            replace: false,
        };
        let published = self.catalog.publish_brought(brought, how).await?;
        tracing::info!(file, rule = published.name, %sha256, "the directory brought a rule");
        fault::pass("catalog.directory.published");
        self.catalog.note_file(file, Some(sha256)).await?;
        Ok(published.name)
    }

    fn unreadable(&self, seen: &mut Seen, file: &str, why: &std::io::Error) {
        let message = format!("it can't be read: {why}; until it can be, no removed file retires its rule");
        self.problems.set(file, Some(message));
        // Whatever it holds by then is looked at.
        seen.files.entry(file.to_owned()).and_modify(|before| before.sha256 = None);
    }
}

#[async_trait]
impl Directory for RulesDirectory {
    type Identity = Identity;
    type File = ListedFile;

    /// An operator is told why.
    fn is_held(&self) -> bool {
        let message = match self.catalog.directory_held() {
            None => {
                self.catalog.conditions().clear(HELD, "");
                return false;
            }
            Some(Held::Contradiction(why)) => {
                format!("files of rules.dir are neither published nor retired until every partition can be taken: {why}")
            }
            Some(Held::ClusterUnknown) => "files of rules.dir are neither published nor retired before this instance has taken \
                 a partition that agrees with the database: the id of the Kafka cluster could not be compared, so the database \
                 may be another cluster's"
                .to_owned(),
        };
        self.catalog.conditions().raise(Severity::Warning, HELD, "", message);
        true
    }

    async fn listed(&self) -> Option<(Identity, ListedFiles)> {
        match self.list().await {
            Ok(Listing { identity, files }) => {
                self.catalog.conditions().clear(AWAY, "");
                Some((identity, files))
            }
            Err(why) => {
                let message = format!(
                    "rules.dir: {why}. The rules that it brought stay in force; no file is published or retired meanwhile"
                );
                self.catalog.conditions().raise(Severity::Warning, AWAY, "", message);
                None
            }
        }
    }

    async fn take(&self, seen: &mut Seen, files: &ListedFiles) -> Result<FilesTaken, StoreError> {
        self.problems.keep(|file| files.contains_key(file) || seen.files.contains_key(file));
        let Due { files: due, settled, taken: mut all } = self.due(seen, files);
        // Tasks: what is being published may wait for a compiler that one of the next files has.
        let look = |(file, path, stamp, before): (String, PathBuf, Stamp, Option<Sha256>)| {
            let look = self.files.clone().look(file.clone(), path, stamp.1, before);
            tokio::spawn(look).map(move |found| (file, stamp, found))
        };
        let mut found = stream::iter(due).map(look).buffered(COMPILERS);
        while let Some((file, stamp, found)) = found.next().await {
            let found = found.unwrap_or_else(|why| Found::Unreadable(std::io::Error::other(why)));
            all &= self.take_file(seen, &file, stamp, found).await?;
        }
        Ok(FilesTaken { settled, all })
    }

    async fn brought(&self) -> Result<BTreeSet<String>, StoreError> {
        self.catalog.brought_by_files().await
    }

    async fn forget(&self, file: &str) -> Result<(), StoreError> {
        self.catalog.note_file(file, None).await
    }

    async fn retire(&self, rule: &str) -> Result<(), Refused> {
        self.catalog.retire_brought(rule).await
    }

    fn gone(&self, file: &str) {
        self.problems.set(file, None);
    }

    fn scanned(&self, seen: &Seen) {
        self.report_rules_without_a_file(seen);
    }
}
