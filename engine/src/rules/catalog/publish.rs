//! A module into the set: validated, tried on this pipeline, stored, in force. `check` is the same without the last two.

use std::sync::atomic::{AtomicBool, Ordering};

use super::change::{Edit, entry};
use super::difference::in_words;
use super::in_force::Change;
use super::load::Trial;
use super::{Catalog, Refused};
use crate::clock::now_ms;
use crate::config::RuleStart;
use crate::model::catalog::{By, Entry, Manifest, Mode, Origin, Version};
use crate::model::ids::{Revision, Sha256};
use crate::rules::module::{Invalid, ModuleRef, Requester};

/// How a module comes.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Whether the API or the directory brings it.
    pub origin: Origin,
    /// The client's address, or the file and its owner.
    pub source: String,
    /// Who it is, for the audit.
    pub who: String,
    /// Why, for the audit; None: no reason was given.
    pub reason: Option<String>,
    /// Revision that the publish was decided on, which it is refused on any other; None: it comes into whatever set is newest.
    pub seen: Option<Revision>,
    /// Where among the rules it judges; None: as it was, or as `[rule.NAME]` says.
    pub order: Option<i32>,
    /// None: as it was, or as `[rule.NAME]` says, or live.
    pub mode: Option<Mode>,
    /// It may take a live version out of force: else another version comes with a mode that acts, or over none that does.
    pub replace: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Published {
    /// The rule's name.
    pub name: String,
    /// The module's digest.
    pub sha256: Sha256,
    /// The revision of the set in which it is.
    pub revision: Revision,
    /// False: these bytes were in force already.
    pub new: bool,
}

impl Catalog {
    /// The checks of a publish; nothing is kept.
    ///
    /// # Errors
    /// [`Refused`]: what is wrong with the module.
    pub async fn check(&self, wasm: Vec<u8>) -> Result<Manifest, Refused> {
        let checked = self.checked(&wasm).await;
        self.forget_unused();
        checked
    }

    async fn checked(&self, wasm: &[u8]) -> Result<Manifest, Refused> {
        let sha256 = Sha256::of(wasm);
        // Checks of all callers together have one place.
        let module = self.loader.modules.validate(sha256, wasm, Requester::Client("check")).await?;
        let how = Publish {
            origin: Origin::Api,
            source: String::new(),
            who: String::new(),
            reason: None,
            seen: None,
            order: None,
            mode: None,
            replace: true,
        };
        let mut entries = self.store().rule_set().await?.entries;
        self.has_room(&entries, &module.manifest.name)?;
        self.enter(&mut entries, &module.manifest, sha256, &how, None);
        let entered = entry(&mut entries, &module.manifest.name)?;
        self.loader.rule(entered, &self.live(), Trial::Probe).await.map_err(|why| Refused::from(why).short())?;
        Ok(module.manifest.clone())
    }

    /// Validates, stores and brings into force. Bytes that are in force already are told so; a mode or an order that comes
    /// with them is applied, and a suspension lifted.
    ///
    /// # Errors
    /// [`Refused`]: what is wrong with the module, a set that has changed meanwhile, or a store that does not answer.
    pub async fn publish(&self, wasm: Vec<u8>, how: Publish) -> Result<Published, Refused> {
        let sha256 = Sha256::of(&wasm);
        let validated = self.loader.modules.validate(sha256, &wasm, Requester::Client(&how.source)).await;
        self.publish_validated(validated, sha256, wasm, how).await
    }

    pub(super) async fn publish_validated(
        &self,
        validated: Result<ModuleRef, Invalid>,
        sha256: Sha256,
        wasm: Vec<u8>,
        how: Publish,
    ) -> Result<Published, Refused> {
        // Held to the end: until then no set names it.
        let published = match validated {
            Ok(module) => self.bring(&module, sha256, wasm, how).await,
            Err(invalid) => Err(invalid.into()),
        };
        self.forget_unused();
        published
    }

    async fn bring(
        &self,
        module: &ModuleRef,
        sha256: Sha256,
        wasm: Vec<u8>,
        how: Publish,
    ) -> Result<Published, Refused> {
        let manifest = &module.manifest;
        let version = Version {
            sha256,
            wasm,
            manifest: manifest.clone(),
            origin: how.origin,
            source: how.source.clone(),
            published_at: now_ms(),
            published_by: how.who.clone(),
        };
        // A file that went and comes back, perhaps by another deployment: what people set stays. Over the API they say it.
        let before = match how.origin {
            Origin::Directory => self.store().last_entry(&manifest.name).await?,
            Origin::Api => None,
        };
        let (new, bringing) = (AtomicBool::new(false), self.bringing(manifest, sha256, &how, before));
        let edit = |entries: &mut Vec<Entry>| {
            let in_force = entries.iter().any(|e| e.name == manifest.name && e.sha256 == sha256);
            new.store(!in_force, Ordering::Relaxed);
            bringing(entries)
        };
        let by = By { who: &how.who, reason: how.reason.as_deref(), seen: how.seen };
        let change = Change::of("publish", &manifest.name, by).storing(&version);
        let revision = self.change(change, edit).await?;
        Ok(Published { name: manifest.name.clone(), sha256, revision, new: new.into_inner() })
    }

    /// The edit of a publish. `before`: how a rule that is not in the set was when it last was.
    pub(super) fn bringing<'a>(
        &'a self,
        manifest: &'a Manifest,
        sha256: Sha256,
        how: &'a Publish,
        before: Option<Entry>,
    ) -> Edit<'a> {
        Box::new(move |entries: &mut Vec<Entry>| {
            displaces(entries, &manifest.name, sha256, how)?;
            self.has_room(entries, &manifest.name)?;
            Ok(self.enter(entries, manifest, sha256, how, before.as_ref()))
        })
    }

    /// Whether the set takes one more rule, if this is one more.
    fn has_room(&self, entries: &[Entry], rule: &str) -> Result<(), Refused> {
        let most = self.loader.config.rules.max_rules;
        if entries.len() < most || entries.iter().any(|entry| entry.name == rule) {
            return Ok(());
        }
        Err(Refused::Unfit(format!(
            "the set has {} rules, rules.max_rules allows {most}: retire one, or raise the limit; every rule costs time for \
             every record",
            entries.len()
        )))
    }

    /// The entry that a publish makes, and what it changed; None: nothing. `before`: how a rule that is not in the set was
    /// when it last was.
    fn enter(
        &self,
        entries: &mut Vec<Entry>,
        manifest: &Manifest,
        sha256: Sha256,
        how: &Publish,
        before: Option<&Entry>,
    ) -> Option<String> {
        let from_directory = how.origin == Origin::Directory;
        let rewrite = self.loader.damaged.contains(&manifest.name, sha256);
        let Ok(entry) = entry(entries, &manifest.name) else {
            if let Some(before) = before {
                let (entry, note) = comes_back(before, manifest, sha256);
                entries.push(Entry { from_directory, ..entry });
                return Some(note);
            }
            let start = self.loader.config.rule.get(&manifest.name).cloned().unwrap_or_default();
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
            let changed = format!("{sha256} was in force already{}", in_words(&before, entry));
            let written = if rewrite { "; its row is written again" } else { "" };
            return (*entry != before || rewrite).then(|| format!("{changed}{written}"));
        }
        let note = entry.swap(sha256, manifest);
        Some(format!("{} -> {sha256}{note}", before.sha256))
    }
}

/// A rule as it was, with these bytes; the answer says how that is. A suspension is of bytes.
fn comes_back(before: &Entry, manifest: &Manifest, sha256: Sha256) -> (Entry, String) {
    let mut entry = before.clone();
    let mut note = String::new();
    if before.sha256 != sha256 {
        entry.suspended = None;
        note = entry.swap(sha256, manifest);
    }
    let parameters: Vec<_> = entry.parameters.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    let mode = format!("{:?}", entry.mode).to_lowercase();
    let suspended = if entry.suspended.is_some() { ", suspended" } else { "" };
    let as_it_was = format!("as it was: mode {mode}, order {}{}{suspended}", entry.order, parameters.concat());
    (entry, format!("{sha256}; it comes back {as_it_was}{note}"))
}

/// A push for a try must not end what judges: the set holds one version of a rule.
fn displaces(entries: &[Entry], rule: &str, sha256: Sha256, how: &Publish) -> Result<(), Refused> {
    let mode = match how.mode {
        Some(Mode::Shadow) => "shadow",
        Some(Mode::Off) => "off",
        Some(Mode::Live) | None => return Ok(()),
    };
    let acts = |entry: &&Entry| entry.name == rule && entry.mode == Mode::Live && entry.suspended.is_none();
    match entries.iter().find(acts).filter(|entry| entry.sha256 != sha256 && !how.replace) {
        Some(entry) => Err(Refused::InForce { rule: rule.to_owned(), live: entry.sha256, mode }),
        None => Ok(()),
    }
}
