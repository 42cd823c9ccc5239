//! Modules that a form brought and that passed the checks, kept in memory until they are published: a browser sends a file once,
//! and what it changes is shown before it is done. Of this process: at another instance the file is chosen again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::Instant;

use crate::model::ids::Sha256;

/// Modules that are kept, each of `rules.max_module` at most; one more takes the place of the oldest.
const KEPT: usize = 4;
/// How long somebody may look at what a module changes.
const FOR: Duration = Duration::from_secs(15 * 60);

/// See the module.
#[derive(Default)]
pub(in crate::admin) struct Uploaded(Mutex<VecDeque<Module>>);

struct Module {
    sha256: Sha256,
    /// Who brought it: nobody publishes what somebody else looked at.
    who: Arc<str>,
    wasm: Bytes,
    at: Instant,
}

impl Uploaded {
    /// Keeps a module for who brought it.
    pub(super) fn keep(&self, who: Arc<str>, wasm: Bytes) -> Sha256 {
        let sha256 = Sha256::of(&wasm);
        let mut kept = self.kept();
        kept.retain(|module| !(module.sha256 == sha256 && module.who == who));
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Module { sha256, who, wasm, at: Instant::now() });
        sha256
    }

    /// The module, if this person brought it and it is still kept.
    pub(super) fn get(&self, who: &str, sha256: Sha256) -> Option<Bytes> {
        let kept = self.kept();
        let module = kept.iter().find(|module| module.sha256 == sha256 && &*module.who == who);
        module.map(|module| module.wasm.clone())
    }

    /// Without those that are kept no longer.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Module>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|module| module.at.elapsed() < FOR);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_module_is_kept_for_who_brought_it_and_for_fifteen_minutes() {
        let uploaded = Uploaded::default();
        let sha256 = uploaded.keep("ana".into(), Bytes::from_static(b"module"));
        assert_eq!(uploaded.get("ana", sha256).as_deref(), Some(&b"module"[..]));
        assert_eq!(uploaded.get("bo", sha256), None);
        tokio::time::sleep(FOR).await;
        assert_eq!(uploaded.get("ana", sha256), None);
    }

    #[tokio::test]
    async fn four_modules_are_kept_and_the_same_one_once() {
        let uploaded = Uploaded::default();
        let first = uploaded.keep("ana".into(), Bytes::from_static(b"0"));
        for module in [&b"1"[..], b"1", b"1", b"2", b"3"] {
            uploaded.keep("ana".into(), Bytes::from_static(module));
        }
        assert!(uploaded.get("ana", first).is_some());
        uploaded.keep("ana".into(), Bytes::from_static(b"4"));
        assert!(uploaded.get("ana", first).is_none());
    }
}
