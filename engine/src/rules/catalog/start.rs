//! The stored set at a start: all of it comes into force, or the start is refused.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::history::SUSPEND;
use super::instance::instance;
use super::load::{Failures, Trial};
use super::{Catalog, CatalogError};
use crate::clock::now_ms;
use crate::fault;
use crate::model::catalog::{Audit, RuleSet};
use crate::model::store::StoreError;
use crate::rules::text::reason;

/// Pauses between tries to reach the store at a start: 200 ms, doubling, 3 s together.
const PAUSES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_factor(2.0).with_max_times(4);
/// The tries, and a set that others keep changing while it is opened.
const ROUNDS: usize = 15;

impl Catalog {
    /// Brings the stored set into force, all of it: a rule that silently does not judge lets fraud pass, and what does
    /// not fit this instance may well judge on the others, so nothing is written. A database that restarts must not keep
    /// the engine from starting.
    pub(super) async fn start(&self) -> Result<(), CatalogError> {
        let mut pauses = PAUSES.build();
        for _ in 0..ROUNDS {
            match self.start_once().await {
                Ok(true) => return Ok(()),
                // `--suspend-misfits`: by now it is, here or by another instance that starts.
                Ok(false) | Err(CatalogError::Store(StoreError::Stale(_))) => {}
                // The set is read anew, so it shows what became of a suspension whose COMMIT was not answered.
                Err(CatalogError::Store(StoreError::Unavailable(why) | StoreError::Unknown(why))) => {
                    let Some(pause) = pauses.next() else { return Err(StoreError::Unavailable(why).into()) };
                    tracing::warn!(why, "the rule set can't be read yet");
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Unavailable("the rule set keeps changing: start again".into()).into())
    }

    /// False: rules were suspended, and the set is to be read anew.
    async fn start_once(&self) -> Result<bool, CatalogError> {
        let set = self.store().rule_set().await?;
        let (live, failures) = self.loader.load(&set, &self.live(), Trial::Configure).await?;
        if failures.is_empty() {
            fault::pass("catalog.started");
            self.install(live);
            return Ok(true);
        }
        if !self.loader.config.rules.suspend_misfits {
            return Err(CatalogError::Misfits(failures));
        }
        self.suspend_misfits(set, failures).await?;
        Ok(false)
    }

    /// A revision each, as the audit has one line a revision.
    async fn suspend_misfits(&self, mut set: RuleSet, failures: Failures) -> Result<(), StoreError> {
        for (name, why) in failures {
            let why = reason(&why);
            tracing::warn!(rule = name, why, "a stored rule does not fit any more and is suspended");
            for entry in set.entries.iter_mut().filter(|entry| entry.name == name) {
                entry.suspended = Some(why.to_owned());
            }
            let audit = Audit {
                at: now_ms(),
                who: "engine".to_owned(),
                action: SUSPEND.to_owned(),
                rule: name,
                revision: set.revision.0 + 1,
                detail: format!("it does not fit at start: {why}; {}", instance()),
                reason: None,
            };
            set.revision = self.store().advance(set.revision, None, &set.entries, &audit).await?;
        }
        Ok(())
    }
}
