//! Who may compile at once: each compiler may take 1 GiB and a core for 15 s, and whoever uploads modules made to be slow
//! must hold up nobody else, nor twice by the same bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::COMPILERS;
use super::invalid::Invalid;
use crate::model::ids::Sha256;

/// Refused digests that are remembered: some 100 bytes each, and a text of 1,000 at most.
const REMEMBERED: usize = 1_000;
/// A compiler that was killed may have met a machine that was short: for so long its verdict holds.
const KILLED: Duration = Duration::from_secs(600);
/// Clients that are known; at more, those that wait for nothing are forgotten.
const CLIENTS: usize = 1_000;

/// For whom a module is validated.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) enum Requester<'a> {
    /// The set of the store, whose modules passed once.
    Store,
    /// The rules directory.
    Directory,
    /// A client of the API, by its address.
    Client(&'a str),
}

/// Bounds how many compilers run at once, apart for the store, the directory and uploads, and remembers what was refused.
pub(super) struct CompileSlots {
    store: Arc<Semaphore>,
    directory: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// One slot for each client.
    clients: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Oldest first.
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

impl Default for CompileSlots {
    fn default() -> Self {
        let slots = || Arc::new(Semaphore::new(COMPILERS));
        Self {
            store: slots(),
            directory: slots(),
            uploads: slots(),
            clients: Mutex::default(),
            refused: Mutex::default(),
        }
    }
}

impl CompileSlots {
    /// Waits for a slot. A client has one at a time, so one of them can't take all.
    pub(super) async fn take(&self, requester: Requester<'_>) -> Vec<OwnedSemaphorePermit> {
        let own = match requester {
            Requester::Client(client) => Some(self.of_client(client)),
            Requester::Store | Requester::Directory => None,
        };
        let shared = match requester {
            Requester::Store => &self.store,
            Requester::Directory => &self.directory,
            Requester::Client(_) => &self.uploads,
        };
        let mut taken = Vec::new();
        for slot in own.into_iter().chain([shared.clone()]) {
            taken.push(slot.acquire_owned().await.expect("these semaphores are never closed"));
        }
        taken
    }

    fn of_client(&self, client: &str) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS {
            clients.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        clients.entry(client.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }

    /// What was said of these bytes before, to whoever brought them.
    pub(super) fn refused(&self, sha256: Sha256, requester: Requester<'_>) -> Option<Invalid> {
        if matches!(requester, Requester::Store) {
            return None;
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|verdict| !verdict.killed || verdict.at.elapsed() < KILLED);
        let verdict = refused.iter().find(|verdict| verdict.sha256 == sha256)?;
        let why = verdict.why.clone();
        Some(if verdict.killed { Invalid::Killed(why) } else { Invalid::Module(why) })
    }

    /// Remembers a verdict on the bytes themselves; what the machine was to blame for is none.
    pub(super) fn remember(&self, sha256: Sha256, requester: Requester<'_>, invalid: &Invalid) {
        let (killed, why) = match (requester, invalid) {
            (Requester::Store, _) => return,
            (_, Invalid::Killed(why)) => (true, why),
            (_, Invalid::Module(why)) => (false, why),
            (_, Invalid::TooLarge { .. } | Invalid::NotWasm | Invalid::Compiler(_)) => return,
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
