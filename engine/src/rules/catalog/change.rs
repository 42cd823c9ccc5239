//! Edits of the set: publish, patch, rollback, retire. Each is one revision and one line of audit, made on the newest
//! set of the store, so that two instances that change at once both end applied.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::load::{Misfit, Trial};
use super::vet::Held;
use super::{Catalog, Refused, now, probe};
use crate::config::RuleStart;
use crate::model::catalog::{Audit, Entry, Manifest, Mode, Origin, Version};
use crate::model::ids::{Revision, Sha256};
use crate::model::store::StoreError;

/// Others may change the set meanwhile, so often.
const ROUNDS: usize = 10;

/// How a module comes.
#[derive(Clone, Debug)]
pub struct Publish {
    pub origin: Origin,
    pub source: String,
    pub who: String,
    pub order: Option<i32>,
    pub mode: Option<Mode>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Published {
    pub name: String,
    pub sha256: Sha256,
    pub revision: Revision,
    /// False: these bytes were in force already.
    pub new: bool,
}

/// What to change of a rule.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub mode: Option<Mode>,
    pub order: Option<i32>,
    /// None as a value takes the default of whatever version is in force, now and later.
    pub parameters: Option<BTreeMap<String, Option<String>>>,
}

/// Who changes what; the edit tells the details.
pub(super) struct Line<'a> {
    action: &'a str,
    rule: &'a str,
    who: &'a str,
    /// Stored with the change.
    version: Option<&'a Version>,
}

impl<'a> Line<'a> {
    pub(super) fn of(action: &'a str, rule: &'a str, who: &'a str) -> Self {
        Self { action, rule, who, version: None }
    }
}

impl Catalog {
    /// The checks of a publish; nothing is kept.
    pub async fn check(&self, wasm: Vec<u8>) -> Result<Manifest, Refused> {
        let checked = self.checked(&wasm).await;
        self.forget_checked();
        checked
    }

    async fn checked(&self, wasm: &[u8]) -> Result<Manifest, Refused> {
        let sha256 = Sha256::of(wasm);
        let module = self.vet(sha256, wasm).await?;
        let how = Publish { origin: Origin::Api, source: String::new(), who: String::new(), order: None, mode: None };
        let mut entries = self.0.store.rule_set().await?.entries;
        self.enter(&mut entries, &module.manifest, sha256, &how);
        let entered = entry(&mut entries, &module.manifest.name)?;
        self.rule(entered, Trial::Probe).await?;
        Ok(module.manifest.clone())
    }

    /// Vets, stores and brings into force. Bytes that are in force already are told so; a mode or an order that comes
    /// with them is applied, and a suspension lifted.
    pub async fn publish(&self, wasm: Vec<u8>, how: Publish) -> Result<Published, Refused> {
        let sha256 = Sha256::of(&wasm);
        // Held to the end: until then no set names it.
        let published = match self.vet(sha256, &wasm).await {
            Ok(module) => self.bring(&module, sha256, wasm, how).await,
            Err(refused) => Err(refused),
        };
        self.forget_checked();
        published
    }

    async fn bring(&self, module: &Held, sha256: Sha256, wasm: Vec<u8>, how: Publish) -> Result<Published, Refused> {
        let manifest = &module.manifest;
        let version = Version {
            sha256,
            wasm,
            manifest: manifest.clone(),
            origin: how.origin,
            source: how.source.clone(),
            published_at: now(),
            published_by: how.who.clone(),
        };
        let new = AtomicBool::new(false);
        let edit = |entries: &mut Vec<Entry>| {
            let in_force = entries.iter().any(|e| e.name == manifest.name && e.sha256 == sha256);
            new.store(!in_force, Ordering::Relaxed);
            Ok(self.enter(entries, manifest, sha256, &how))
        };
        let line = Line { version: Some(&version), ..Line::of("publish", &manifest.name, &how.who) };
        let revision = self.change(line, edit).await?;
        Ok(Published { name: manifest.name.clone(), sha256, revision, new: new.into_inner() })
    }

    /// The entry that a publish makes, and what it changed; None: nothing.
    fn enter(&self, entries: &mut Vec<Entry>, manifest: &Manifest, sha256: Sha256, how: &Publish) -> Option<String> {
        let from_directory = how.origin == Origin::Directory;
        let Ok(entry) = entry(entries, &manifest.name) else {
            let start = self.0.config.rule.get(&manifest.name).cloned().unwrap_or_default();
            let RuleStart { parameters, order, mode, .. } = start;
            entries.push(Entry {
                name: manifest.name.clone(),
                sha256,
                order: how.order.or(order).unwrap_or(0),
                mode: how.mode.or(mode).unwrap_or_default(),
                parameters,
                from_directory,
                suspended: None,
            });
            return Some(sha256.to_string());
        };
        let before = entry.clone();
        entry.order = how.order.unwrap_or(entry.order);
        entry.mode = how.mode.unwrap_or(entry.mode);
        entry.suspended = None;
        // Whoever brought a rule last takes it away: the file by its removal, or DELETE alone.
        entry.from_directory = from_directory;
        if before.sha256 == sha256 {
            return (*entry != before).then(|| format!("{sha256} was in force already{}", differences(&before, entry)));
        }
        let note = entry.swap(sha256, manifest);
        Some(format!("{} -> {sha256}{note}", before.sha256))
    }

    /// Changes mode, order or parameters.
    pub async fn patch(&self, name: &str, patch: Patch, who: &str) -> Result<Revision, Refused> {
        let live = self.live();
        let rule = live.rules.iter().find(|rule| &*rule.id.name == name);
        let edit = |entries: &mut Vec<Entry>| {
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
            Ok((*entry != before).then(|| differences(&before, entry).trim_start_matches("; ").to_owned()))
        };
        self.change(Line::of("patch", name, who), edit).await
    }

    /// Back to this version, or to the one that was in force before.
    pub async fn rollback(&self, name: &str, to: Option<Sha256>, who: &str) -> Result<Revision, Refused> {
        let mut set = self.0.store.rule_set().await?;
        let now = entry(&mut set.entries, name)?.sha256;
        let to = match to {
            Some(to) if to == now => return Err(Refused::Conflict(format!("rule {name} is at version {now} already"))),
            Some(to) => to,
            None => self.history(name).await?.before(now).ok_or_else(|| {
                Refused::Conflict(format!("no other version of rule {name} was in force before and did not trip"))
            })?,
        };
        let manifest = self.manifest(name, to).await?;
        let edit = |entries: &mut Vec<Entry>| {
            let entry = entry(entries, name)?;
            let from = entry.sha256;
            entry.suspended = None;
            let note = entry.swap(to, &manifest);
            Ok(Some(format!("{from} -> {to}{note}")))
        };
        self.change(Line::of("rollback", name, who), edit).await
    }

    /// Takes the rule out of the set; its versions stay.
    pub async fn retire(&self, name: &str, who: &str) -> Result<Revision, Refused> {
        let edit = |entries: &mut Vec<Entry>| {
            let gone = entry(entries, name)?.sha256;
            entries.retain(|e| e.name != name);
            Ok(Some(gone.to_string()))
        };
        self.change(Line::of("retire", name, who), edit).await
    }

    /// What a stored version of the rule said of itself.
    pub(super) async fn manifest(&self, rule: &str, sha256: Sha256) -> Result<Manifest, Refused> {
        let versions = self.0.store.versions(Some(rule)).await?;
        let found = versions.into_iter().find(|version| version.sha256 == sha256);
        let gone = || Refused::NoSuchVersion { rule: rule.to_owned(), sha256 };
        Ok(found.ok_or_else(gone)?.manifest)
    }

    /// Makes the edit on the newest set of the store and brings it into force. The edit says what it did, for the
    /// audit; None: there was nothing to do, and no revision is made.
    pub(super) async fn change(
        &self,
        line: Line<'_>,
        edit: impl Fn(&mut Vec<Entry>) -> Result<Option<String>, Refused>,
    ) -> Result<Revision, Refused> {
        let _one = self.0.changing.lock().await;
        for _ in 0..ROUNDS {
            let mut set = self.0.store.rule_set().await?;
            let base = set.revision;
            let Some(detail) = edit(&mut set.entries)? else {
                self.take_over(&set).await?;
                return Ok(base);
            };
            set.entries.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
            set.revision = Revision(base.0 + 1);
            let (mut live, failures) = self.load_what_fits(&set, Trial::Probe).await.map_err(Misfit::Store)?;
            if let Some((rule, why)) = failures.into_iter().next() {
                if rule == line.rule {
                    return Err(Refused::Unfit(why));
                }
                let other = format!("the stored rule {rule} does not fit here: {why}; roll it back or retire it first");
                return Err(Refused::Conflict(other));
            }
            let audit = Audit {
                at: now(),
                who: line.who.to_owned(),
                action: line.action.to_owned(),
                rule: line.rule.to_owned(),
                revision: set.revision.0,
                detail,
            };
            match self.0.store.advance(base, line.version, &set.entries, &audit).await {
                Err(StoreError::Stale(_)) => continue,
                Err(error) => return Err(error.into()),
                Ok(revision) => live.revision = revision,
            }
            let revision = live.revision;
            self.install(live);
            return Ok(revision);
        }
        Err(Refused::Conflict("the rule set keeps changing: try again".into()))
    }
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
}

pub(super) fn entry<'a>(entries: &'a mut [Entry], name: &str) -> Result<&'a mut Entry, Refused> {
    entries.iter_mut().find(|e| e.name == name).ok_or_else(|| Refused::NoSuchRule(name.to_owned()))
}

/// `; mode live -> off; limit 5 -> 7`
fn differences(before: &Entry, after: &Entry) -> String {
    let mut changes = Vec::new();
    if before.mode != after.mode {
        changes.push(format!("mode {:?} -> {:?}", before.mode, after.mode).to_lowercase());
    }
    if before.order != after.order {
        changes.push(format!("order {} -> {}", before.order, after.order));
    }
    if before.suspended.is_some() && after.suspended.is_none() {
        changes.push("suspension lifted".to_owned());
    }
    if before.from_directory != after.from_directory {
        let owner = if after.from_directory { "the directory" } else { "the API" };
        changes.push(format!("now brought by {owner}"));
    }
    for name in before.parameters.keys().chain(after.parameters.keys()) {
        let show = |entry: &Entry| entry.parameters.get(name).cloned().unwrap_or_else(|| "default".to_owned());
        let change = format!("{name} {} -> {}", show(before), show(after));
        if before.parameters.get(name) != after.parameters.get(name) && !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes.iter().map(|change| format!("; {change}")).collect()
}
