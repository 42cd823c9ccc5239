//! Edits of the set: patch, rollback, retire, and what every edit asks of this process. Each is one revision and one line of
//! audit, made on the newest set of the store ([`in_force`]), so that two instances that change at once both end applied.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::difference::in_words;
use super::history::{History, PATCH, RETIRE};
use super::in_force::{self, Change, Instance};
use super::instance::instance;
use super::load::Trial;
use super::seen::is_at;
use super::{Catalog, CatalogError, Refused};
use crate::clock::now_ms;
use crate::model::catalog::{Audit, By, Entry, Manifest, Mode, RuleSet};
use crate::model::ids::{Revision, Sha256};
use crate::model::shown::acts;
use crate::rules::live::LiveSet;
use crate::rules::module::manifest::ACTS;
use crate::rules::module::probe;
use crate::rules::text::reason;

/// Bytes of a parameter's value at most. Every later revision keeps it; as many as a manifest allows a default.
const VALUE: usize = 1_024;
/// Bytes of an audit line's detail at most, which tells every parameter that changed.
const DETAIL: usize = 4 << 10;

/// An edit of a set's entries, which says what it did, for the audit; None: nothing.
pub(super) type Edit<'a> = Box<dyn Fn(&mut Vec<Entry>) -> Result<Option<String>, Refused> + Send + Sync + 'a>;

/// What to change of a rule.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// None: as it is. A mode that judges lifts a suspension.
    pub mode: Option<Mode>,
    /// Rules judge in ascending order, ties by name. None: as it is.
    pub order: Option<i32>,
    /// Parameters to set, by name; None: as they are. None as a value means the default of whatever version is in force, now
    /// and later.
    pub parameters: Option<BTreeMap<String, Option<String>>>,
}

impl Catalog {
    /// Changes mode, order or parameters.
    ///
    /// # Errors
    /// [`Refused`]: no such rule, a change that can't be made, or a store that does not answer.
    pub async fn patch(&self, name: &str, patch: Patch, by: impl Into<By<'_>>) -> Result<Revision, Refused> {
        let (by, edit): (By<'_>, _) = (by.into(), self.patching(name, patch)?);
        self.change(Change::of(PATCH, name, by), edit).await
    }

    /// The edit of a patch.
    pub(super) fn patching<'a>(&self, name: &'a str, patch: Patch) -> Result<Edit<'a>, Refused> {
        let live = self.live();
        patch.parameters.iter().flatten().try_for_each(|(parameter, value)| fits(parameter, value.as_deref()))?;
        Ok(Box::new(move |entries: &mut Vec<Entry>| {
            let rule = live.rules.iter().find(|rule| &*rule.id.name == name);
            let entry = entry(entries, name)?;
            let before = entry.clone();
            entry.mode = patch.mode.unwrap_or(entry.mode);
            entry.order = patch.order.unwrap_or(entry.order);
            if patch.mode.is_some_and(|mode| mode != Mode::Off) {
                entry.suspended = None;
            }
            for (parameter, value) in patch.parameters.iter().flatten() {
                // A value under an unknown name is refused when the set is loaded; a null would go unseen.
                if let Some(rule) = rule
                    && !rule.manifest.parameters.iter().any(|known| known.name == *parameter)
                {
                    return Err(Refused::Unfit(probe::no_parameter(&rule.manifest, parameter)));
                }
                match value {
                    Some(value) => drop(entry.parameters.insert(parameter.clone(), value.clone())),
                    None => drop(entry.parameters.remove(parameter)),
                }
            }
            Ok((*entry != before).then(|| in_words(&before, entry).trim_start_matches("; ").to_owned()))
        }))
    }

    /// Back to this version, or to the one that was in force before.
    ///
    /// # Errors
    /// [`Refused`]: no such rule or version, nothing to go back to, or a store that does not answer.
    pub async fn rollback(&self, name: &str, to: Option<Sha256>, by: impl Into<By<'_>>) -> Result<Revision, Refused> {
        let by: By<'_> = by.into();
        let edit = self.going_back(name, to, by.seen).await?;
        self.change(Change::of("rollback", name, by), edit).await
    }

    /// The edit of a rollback that was decided on the set `seen`, if that is said.
    pub(super) async fn going_back<'a>(
        &self,
        name: &'a str,
        to: Option<Sha256>,
        seen: Option<Revision>,
    ) -> Result<Edit<'a>, Refused> {
        let mut set = self.store().rule_set().await?;
        is_at(self.store(), seen, &set).await?;
        let now = entry(&mut set.entries, name)?.sha256;
        let history = History::read(self.store(), name).await?;
        let to = match to {
            Some(to) if to == now => return Err(Refused::Conflict(format!("rule {name} is at version {now} already"))),
            Some(to) => to,
            None => history.before(now).ok_or_else(|| {
                Refused::Conflict(format!("no other version of rule {name} was in force before and did not trip"))
            })?,
        };
        let (manifest, parameters) = (self.manifest(name, to).await?, history.parameters(to));
        Ok(Box::new(move |entries: &mut Vec<Entry>| {
            let entry = entry(entries, name)?;
            let from = entry.sha256;
            entry.suspended = None;
            let note = entry.go_back(to, &manifest, &parameters);
            Ok(Some(format!("{from} -> {to}{note}")))
        }))
    }

    /// Takes the rule out of the set; its versions stay.
    ///
    /// # Errors
    /// [`Refused`]: no such rule, or a store that does not answer.
    pub async fn retire(&self, name: &str, by: impl Into<By<'_>>) -> Result<Revision, Refused> {
        let by: By<'_> = by.into();
        self.change(Change::of(RETIRE, name, by), retiring(name)).await
    }

    /// What a stored version of the rule said of itself.
    pub(super) async fn manifest(&self, rule: &str, sha256: Sha256) -> Result<Manifest, Refused> {
        let found = self.store().version_info(sha256).await?.filter(|version| version.manifest.name == rule);
        let gone = || Refused::NoSuchVersion { rule: rule.to_owned(), sha256 };
        Ok(found.ok_or_else(gone)?.manifest)
    }

    /// See [`in_force::change`].
    pub(super) async fn change(
        &self,
        change: Change<'_>,
        edit: impl Fn(&mut Vec<Entry>) -> Result<Option<String>, Refused>,
    ) -> Result<Revision, Refused> {
        in_force::change(self.store(), self, &change, edit).await
    }
}

#[async_trait]
impl Instance for Catalog {
    type Loaded = LiveSet;

    fn changing(&self) -> &Mutex<()> {
        &self.changing
    }

    fn in_force(&self) -> (Revision, BTreeMap<String, Sha256>) {
        let live = self.live();
        (live.revision, live.versions().map(|(name, sha256)| (name.to_owned(), sha256)).collect())
    }

    fn reloads(&self) -> bool {
        !self.loader.damaged.is_empty()
    }

    async fn load(&self, set: &RuleSet) -> Result<LiveSet, CatalogError> {
        let (live, failures) = self.loader.load(set, &self.live(), Trial::Configure).await?;
        match failures.into_iter().next() {
            Some((rule, message)) => Err(CatalogError::Rule { rule, message }),
            None => Ok(live),
        }
    }

    async fn try_out(&self, set: &RuleSet, changed: &str, before: Option<&Entry>) -> Result<LiveSet, Refused> {
        let (live, failures) = self.loader.load(set, &self.live(), Trial::Probe).await?;
        if let Some((rule, why)) = failures.into_iter().next() {
            if rule == changed {
                return Err(Refused::Unfit(why).short());
            }
            let other =
                format!("the stored rule {rule} does not fit here: {}; roll it back or retire it first", reason(&why));
            return Err(Refused::Conflict(other));
        }
        unfit_while_off(before, &set.entries, &live, changed)?;
        Ok(live)
    }

    fn audit(&self, change: &Change<'_>, revision: Revision, detail: String) -> Audit {
        Audit {
            at: now_ms(),
            who: change.by.who.to_owned(),
            action: change.action.to_owned(),
            rule: change.rule.to_owned(),
            revision: revision.0,
            detail: format!("{}; {}", bounded(detail), instance()),
            reason: change.by.reason.map(str::to_owned),
        }
    }

    fn bring_into_force(&self, loaded: LiveSet, revision: Revision) {
        self.install(LiveSet { revision, ..loaded });
    }
}

/// The edit that takes a rule out of the set.
pub(super) fn retiring(name: &str) -> Edit<'_> {
    Box::new(move |entries: &mut Vec<Entry>| {
        let gone = entry(entries, name)?.sha256;
        entries.retain(|e| e.name != name);
        Ok(Some(gone.to_string()))
    })
}

fn fits(parameter: &str, value: Option<&str>) -> Result<(), Refused> {
    if let Some(c) = value.and_then(|value| value.chars().find(|c| acts(*c))) {
        let name = shown(parameter);
        return Err(Refused::Unfit(format!("the value of parameter {name} holds {}, {ACTS}", c.escape_unicode())));
    }
    match value.map_or(0, str::len) {
        0..=VALUE => Ok(()),
        // A name that is unknown may be as long.
        bytes => Err(Refused::Unfit(format!(
            "the value of parameter {} has {bytes} bytes: {VALUE} are allowed",
            shown(parameter)
        ))),
    }
}

fn shown(parameter: &str) -> String {
    format!("{:?}", &parameter[..parameter.floor_char_boundary(VALUE)])
}

fn bounded(mut detail: String) -> String {
    if detail.len() > DETAIL {
        detail.truncate(detail.floor_char_boundary(DETAIL - "…".len()));
        detail.push('…');
    }
    detail
}

/// A rule that is off is kept though it does not fit, or nobody could turn off one that came to be so. A version or
/// parameters that come now are refused all the same.
fn unfit_while_off(before: Option<&Entry>, entries: &[Entry], live: &LiveSet, rule: &str) -> Result<(), Refused> {
    let Some(after) = entries.iter().find(|entry| entry.name == rule && entry.suspended.is_none()) else {
        return Ok(());
    };
    let same = before.is_some_and(|b| b.sha256 == after.sha256 && b.parameters == after.parameters);
    let misfit = live.rules.iter().find(|known| &*known.id.name == rule).and_then(|known| known.suspended.clone());
    misfit.filter(|_| !same).map_or(Ok(()), |why| Err(Refused::Unfit(why).short()))
}

impl Entry {
    /// Another version under the same settings. Those that it does not know are dropped; the answer notes them.
    pub(super) fn swap(&mut self, sha256: Sha256, manifest: &Manifest) -> String {
        self.sha256 = sha256;
        let known = |name: &String| manifest.parameters.iter().any(|parameter| parameter.name == *name);
        let dropped: Vec<_> = self.parameters.extract_if(.., |name, _| !known(name)).collect();
        let notes = dropped.iter().map(|(name, value)| format!("; parameter {name}={value} dropped, it has none such"));
        notes.collect()
    }

    /// The same to a version that was in force. What it was set to then, and a version since did not know, counts again:
    /// else it would judge by its defaults, as it never did.
    pub(super) fn go_back(
        &mut self,
        sha256: Sha256,
        manifest: &Manifest,
        parameters: &BTreeMap<String, String>,
    ) -> String {
        let mut note = self.swap(sha256, manifest);
        for (name, value) in parameters {
            if !self.parameters.contains_key(name) {
                self.parameters.insert(name.clone(), value.clone());
                note.push_str(&format!("; parameter {name}={value} as it was"));
            }
        }
        note
    }
}

/// The rule of this name.
pub(super) fn entry<'a>(entries: &'a mut [Entry], name: &str) -> Result<&'a mut Entry, Refused> {
    entries.iter_mut().find(|e| e.name == name).ok_or_else(|| Refused::NoSuchRule(name.to_owned()))
}
