//! The breaker: a rule that keeps failing goes back to the version that was good before it, or is suspended. Which
//! batches count as failing is the judge's to say.

use std::collections::BTreeMap;

use super::change::{Line, entry};
use super::history::{SUSPEND, TRIP};
use super::{Catalog, Refused};
use crate::model::catalog::Entry;
use crate::model::ids::Sha256;
use crate::model::store::StoreError;
use crate::rules::live::Trip;

/// Of a trap's text, which may hold a backtrace.
const REASON: usize = 1_000;

impl Catalog {
    /// A trip on a set that is not in force any more counts for nothing: another worker's acted already, or a person did,
    /// perhaps with the same bytes. If the rule still fails, the batches to come trip again.
    pub(super) async fn trip(&self, trip: &Trip) -> Result<(), Refused> {
        match self.act_on(trip).await {
            Err(Refused::Store(StoreError::Stale(revision))) => {
                let (rule, tripped) = (&*trip.rule.name, trip.revision.0);
                tracing::debug!(rule, tripped, now = revision.0, "a trip came too late");
                Ok(())
            }
            acted => acted,
        }
    }

    async fn act_on(&self, trip: &Trip) -> Result<(), Refused> {
        let (name, now) = (&*trip.rule.name, trip.rule.sha256);
        let live = self.live();
        if live.revision != trip.revision {
            return Err(StoreError::Stale(live.revision).into());
        }
        let Some(rule) = live.rules.iter().find(|rule| rule.id.sha256 == now && rule.judges()) else {
            return Ok(());
        };
        if trip.over_budget {
            return self.suspend(trip).await;
        }
        let history = self.history(name).await?;
        if let Some(good) = history.good_before(now, rule.mode) {
            match self.fall_back(trip, good, &history.parameters(good)).await {
                Err(refused @ (Refused::Store(_) | Refused::Unknown { .. } | Refused::Compiler(_))) => {
                    return Err(refused);
                }
                Err(error) => tracing::warn!(rule = name, %error, "the version before does not fit any more"),
                Ok(()) => return Ok(()),
            }
        }
        self.suspend(trip).await
    }

    async fn fall_back(&self, trip: &Trip, to: Sha256, parameters: &BTreeMap<String, String>) -> Result<(), Refused> {
        let (name, now, why) = (&*trip.rule.name, trip.rule.sha256, reason(&trip.message));
        let manifest = self.manifest(name, to).await?;
        let edit = |entries: &mut Vec<Entry>| {
            let Some(failing) = failing(entries, trip) else { return Ok(None) };
            let note = failing.go_back(to, &manifest, parameters);
            Ok(Some(format!("{now} -> {to}: {why}{note}")))
        };
        self.change(Line::of(TRIP, name, "engine").only_on(trip.revision), edit).await?;
        tracing::error!(rule = name, from = %now, to = %to, why, "a rule kept failing: its previous version is back");
        Ok(())
    }

    async fn suspend(&self, trip: &Trip) -> Result<(), Refused> {
        let (name, now, why) = (&*trip.rule.name, trip.rule.sha256, reason(&trip.message));
        let edit = |entries: &mut Vec<Entry>| {
            let Some(failing) = failing(entries, trip) else { return Ok(None) };
            failing.suspended = Some(why.to_owned());
            Ok(Some(format!("{now}: {why}")))
        };
        self.change(Line::of(SUSPEND, name, "engine").only_on(trip.revision), edit).await?;
        tracing::error!(rule = name, sha256 = %now, why, "a rule that kept failing, or cost too much in shadow, is suspended");
        Ok(())
    }
}

/// The entry, if the version that tripped is still what judges: another instance may have acted, or a person.
fn failing<'a>(entries: &'a mut [Entry], trip: &Trip) -> Option<&'a mut Entry> {
    entry(entries, &trip.rule.name).ok().filter(|e| e.sha256 == trip.rule.sha256 && e.suspended.is_none())
}

pub(super) fn reason(message: &str) -> &str {
    &message[..message.floor_char_boundary(REASON)]
}
