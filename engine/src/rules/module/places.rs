//! Who may compile at once: each compiler may take 1 GiB and a core for 15 s, and whoever uploads modules made to be slow
//! must hold up nobody else, nor twice by the same bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::validate::Unvetted;
use crate::model::ids::Sha256;
use crate::rules::catalog::{COMPILERS, Refused};

/// Refused digests that are remembered: some 100 bytes each, and a text of 1,000 at most.
const REMEMBERED: usize = 1_000;
/// A compiler that was killed may have met a machine that was short: so long its verdict stands.
const KILLED: Duration = Duration::from_secs(600);
/// Callers that are known; those that wait for nothing are forgotten then.
const CALLERS: usize = 1_000;

/// For whom a module is vetted.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) enum Asker<'a> {
    /// The set of the store: what passed once.
    Store,
    Directory,
    /// The address that uploads.
    Caller(&'a str),
}

/// Places of compilers, apart for the store, the directory and uploads.
pub(in crate::rules) struct Places {
    store: Arc<Semaphore>,
    directory: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    callers: Mutex<HashMap<String, Arc<Semaphore>>>,
    refused: Mutex<VecDeque<Verdict>>,
}

/// Why bytes were refused.
struct Verdict {
    sha256: Sha256,
    at: Instant,
    /// The compiler was killed over them.
    killed: bool,
    why: String,
}

impl Default for Places {
    fn default() -> Self {
        let places = || Arc::new(Semaphore::new(COMPILERS));
        Self {
            store: places(),
            directory: places(),
            uploads: places(),
            callers: Mutex::default(),
            refused: Mutex::default(),
        }
    }
}

impl Places {
    /// Waits for a place. A caller has one at a time, so one of them can't take all.
    pub(in crate::rules) async fn take(&self, asker: Asker<'_>) -> Vec<OwnedSemaphorePermit> {
        let own = match asker {
            Asker::Caller(caller) => Some(self.of_caller(caller)),
            Asker::Store | Asker::Directory => None,
        };
        let shared = match asker {
            Asker::Store => &self.store,
            Asker::Directory => &self.directory,
            Asker::Caller(_) => &self.uploads,
        };
        let mut taken = Vec::new();
        for place in own.into_iter().chain([shared.clone()]) {
            taken.push(place.acquire_owned().await.expect("these semaphores are never closed"));
        }
        taken
    }

    fn of_caller(&self, caller: &str) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS {
            callers.retain(|_, place| Arc::strong_count(place) > 1);
        }
        callers.entry(caller.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }

    /// What was said of these bytes before, to whoever brought them.
    pub(in crate::rules) fn refused(&self, sha256: Sha256, asker: Asker<'_>) -> Option<Unvetted> {
        if matches!(asker, Asker::Store) {
            return None;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|verdict| !verdict.killed || verdict.at.elapsed() < KILLED);
        let verdict = refused.iter().find(|verdict| verdict.sha256 == sha256)?;
        let why = verdict.why.clone();
        Some(if verdict.killed { Unvetted::Killed(why) } else { Unvetted::Refused(Refused::Module(why)) })
    }

    /// Remembers a verdict on the bytes themselves; what the machine was to blame for is none.
    pub(in crate::rules) fn remember(&self, sha256: Sha256, asker: Asker<'_>, unvetted: &Unvetted) {
        let (killed, why) = match (asker, unvetted) {
            (Asker::Store, _) => return,
            (_, Unvetted::Killed(why)) => (true, why),
            (_, Unvetted::Refused(Refused::Module(why))) => (false, why),
            (_, Unvetted::Refused(_)) => return,
        };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.iter().any(|verdict| verdict.sha256 == sha256) {
            return;
        }
        if refused.len() >= REMEMBERED {
            refused.pop_front();
        }
        refused.push_back(Verdict { sha256, at: Instant::now(), killed, why: why.clone() });
    }
}
