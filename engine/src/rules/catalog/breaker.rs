//! The breaker: a rule that keeps failing goes back to the version that was good before it, or is suspended. Which
//! batches count as failing is the judge's to say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::change::entry;
use super::history::{History, SUSPEND, TRIP};
use super::in_force::Change;
use super::{Catalog, Refused};
use crate::model::catalog::Entry;
use crate::model::ids::Sha256;
use crate::rules::live::{LiveRule, Trip};
use crate::rules::text::reason;

impl Catalog {
    /// A trip of a rule that was changed since counts for nothing: another worker's acted already, or a person did, perhaps
    /// with the same bytes. If the rule still fails, the batches to come trip again. A set that changed elsewhere only is no
    /// matter: of forty rules that trip at once each has to go.
    pub(super) async fn trip(&self, trip: &Trip) -> Result<(), Refused> {
        let (name, now) = (&*trip.rule.name, trip.rule.sha256);
        let live = self.live();
        let Some(rule) = live.rules.iter().find(|rule| rule.id.sha256 == now && rule.judges()) else {
            return Ok(());
        };
        if rule.since > trip.revision {
            tracing::debug!(rule = name, tripped = trip.revision.0, since = rule.since.0, "a trip came too late");
            return Ok(());
        }
        if trip.over_budget {
            return self.suspend(trip, rule).await;
        }
        let history = History::read(self.store(), name).await?;
        if let Some(good) = history.good_before(now, rule.mode) {
            match self.fall_back(trip, rule, (good, &history.parameters(good))).await {
                Err(refused @ (Refused::Store(_) | Refused::Unknown { .. } | Refused::Compiler(_))) => {
                    return Err(refused);
                }
                Err(error) => tracing::warn!(rule = name, %error, "the version before does not fit any more"),
                Ok(()) => return Ok(()),
            }
        }
        self.suspend(trip, rule).await
    }

    async fn fall_back(
        &self,
        trip: &Trip,
        rule: &LiveRule,
        (to, parameters): (Sha256, &BTreeMap<String, String>),
    ) -> Result<(), Refused> {
        let (name, now, why) = (&*trip.rule.name, trip.rule.sha256, reason(&trip.message));
        let (manifest, acted) = (self.manifest(name, to).await?, AtomicBool::new(false));
        let edit = |entries: &mut Vec<Entry>| {
            let Some(failing) = failing(entries, rule) else { return Ok(None) };
            acted.store(true, Ordering::Relaxed);
            let note = failing.go_back(to, &manifest, parameters);
            Ok(Some(format!("{now} -> {to}: {why}{note}")))
        };
        self.change(Change::of(TRIP, name, "engine"), edit).await?;
        if acted.into_inner() {
            tracing::error!(rule = name, from = %now, to = %to, why, "a rule kept failing: its previous version is back");
        }
        Ok(())
    }

    async fn suspend(&self, trip: &Trip, rule: &LiveRule) -> Result<(), Refused> {
        let (name, now, why) = (&*trip.rule.name, trip.rule.sha256, reason(&trip.message));
        let acted = AtomicBool::new(false);
        let edit = |entries: &mut Vec<Entry>| {
            let Some(failing) = failing(entries, rule) else { return Ok(None) };
            acted.store(true, Ordering::Relaxed);
            failing.suspended = Some(why.to_owned());
            Ok(Some(format!("{now}: {why}")))
        };
        self.change(Change::of(SUSPEND, name, "engine"), edit).await?;
        if acted.into_inner() {
            tracing::error!(rule = name, sha256 = %now, why, "a rule that kept failing, or cost too much in shadow, is suspended");
        }
        Ok(())
    }
}

/// The entry, if it is still as the rule that tripped: another instance may have acted, or a person.
fn failing<'a>(entries: &'a mut [Entry], rule: &LiveRule) -> Option<&'a mut Entry> {
    let same = |entry: &&mut Entry| {
        let unset = rule.manifest.parameters.iter().all(|parameter| {
            entry.parameters.contains_key(&parameter.name)
                || rule.parameters.get(&parameter.name) == Some(&parameter.default)
        });
        let set = entry.parameters.iter().all(|(name, value)| rule.parameters.get(name) == Some(value));
        entry.sha256 == rule.id.sha256 && entry.mode == rule.mode && entry.suspended.is_none() && set && unset
    };
    entry(entries, &rule.id.name).ok().filter(same)
}
