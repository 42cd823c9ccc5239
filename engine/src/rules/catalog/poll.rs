//! Keeps the set in force up with the one of the store, where other instances and people change it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::in_force::take_stored;
use super::{Catalog, CatalogError, report};
use crate::model::ids::Revision;
use crate::rules::live::LiveSet;

/// Time until a set is tried again that did not fit, and until the rows of the one in force are compared again.
const AGAIN: Duration = Duration::from_secs(30);

/// What the looks at the store's set have come to.
#[derive(Default)]
pub(super) struct Polled {
    /// The set that was not taken, and when it was tried.
    incompatible: Option<(Revision, Instant)>,
    /// When the rows were last compared with what is in force.
    compared: Option<Instant>,
}

impl Catalog {
    /// Takes the set that the store has by now, if it is another. One that did not fit is tried again now and then
    /// only: each try may compile.
    pub(super) async fn poll(&self, polled: &mut Polled) {
        let stored = match self.store().revision().await {
            Ok(stored) => stored,
            Err(error) => return self.report_store(Revision(0), &Err(error.into())),
        };
        let recent = |at: Instant| at.elapsed() < AGAIN;
        let waiting = polled.incompatible.is_some_and(|(revision, tried)| revision == stored && recent(tried));
        // Also a damaged row is looked at again now and then.
        let same = stored == self.live().revision && polled.compared.is_some_and(recent);
        if waiting || same {
            return;
        }
        let taken = take_stored(self.store(), self, |taken| {
            self.report_set();
            self.report_store(stored, taken);
        });
        let taken = taken.await;
        polled.incompatible = matches!(taken, Err(ref error) if !matches!(error, CatalogError::Store(_)))
            .then(|| (stored, Instant::now()));
        // What contradicts is looked at again at once: it may be repaired.
        polled.compared = taken.is_ok().then(Instant::now);
        if let Err(error) = taken {
            tracing::debug!(%error, "the rule set of the store is not taken, the one before stays in force");
        }
    }

    fn report_store(&self, stored: Revision, taken: &Result<(), CatalogError>) {
        let required = &self.loader.config.rules.required;
        report::store(stored, taken, self.live().revision, required, self.conditions());
    }

    /// Brings the set into force. Only by whoever holds `changing`, or at the start.
    pub(super) fn install(&self, mut live: LiveSet) {
        live.in_force = Instant::now();
        metrics::gauge!("weir_rules_revision").set(live.revision.0 as f64);
        self.live.store(Arc::new(live));
        self.report_set();
        self.forget_unused();
    }

    /// Lets go of modules that were checked only, and of their code on disk.
    pub(super) fn forget_unused(&self) {
        self.loader.modules.keep(self.live().rules.iter().map(|rule| rule.id.sha256).collect());
    }
}
