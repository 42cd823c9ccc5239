//! What Redis said lately, misses included. Bounded: two generations, of which the older is dropped whole when the younger
//! is full, so that keys in use stay and nothing is kept in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::value::Hash;

/// Hashes that Redis gave, by key.
pub(super) struct Cache {
    /// Entries of one generation.
    half: usize,
    ttl: Duration,
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    hash: Arc<Hash>,
    since: Instant,
}

impl Cache {
    /// At most this many entries (at least 2), each for so long.
    pub(super) fn new(entries: usize, ttl: Duration) -> Self {
        Self { half: (entries / 2).max(1), ttl, young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn get(&mut self, key: &str, now: Instant) -> Option<Arc<Hash>> {
        let fresh = |entry: &&Entry| now.saturating_duration_since(entry.since) < self.ttl;
        if let Some(entry) = self.young.get(key).filter(fresh) {
            return Some(entry.hash.clone());
        }
        let entry = self.old.get(key).filter(fresh)?.clone();
        let hash = entry.hash.clone();
        self.put(key, entry);
        Some(hash)
    }

    pub(super) fn insert(&mut self, key: &str, hash: Arc<Hash>, now: Instant) {
        self.put(key, Entry { hash, since: now });
    }

    fn put(&mut self, key: &str, entry: Entry) {
        if self.young.len() >= self.half && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.to_owned(), entry);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
