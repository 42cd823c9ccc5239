//! A module into the set: vetted, tried on this pipeline, stored, in force. `check` is the same without the last two.

use std::sync::atomic::{AtomicBool, Ordering};

use super::change::{Line, differences, entry};
use super::load::Trial;
use super::vet::{Held, Unvetted};
use super::{Catalog, Refused, now};
use crate::config::RuleStart;
use crate::model::catalog::{Entry, Manifest, Mode, Origin, Version};
use crate::model::ids::{Revision, Sha256};

/// How a module comes.
#[derive(Clone, Debug)]
pub struct Publish {
    pub origin: Origin,
    pub source: String,
    pub who: String,
    pub order: Option<i32>,
    pub mode: Option<Mode>,
    /// It may take a live version out of force: else another version comes with a mode that acts, or over none that does.
    pub replace: bool,
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
        let how = Publish {
            origin: Origin::Api,
            source: String::new(),
            who: String::new(),
            order: None,
            mode: None,
            replace: true,
        };
        let mut entries = self.0.store.rule_set().await?.entries;
        self.enter(&mut entries, &module.manifest, sha256, &how);
        let entered = entry(&mut entries, &module.manifest.name)?;
        self.rule(entered, Trial::Probe).await.map_err(|misfit| Refused::from(misfit).short())?;
        Ok(module.manifest.clone())
    }

    /// Vets, stores and brings into force. Bytes that are in force already are told so; a mode or an order that comes
    /// with them is applied, and a suspension lifted.
    pub async fn publish(&self, wasm: Vec<u8>, how: Publish) -> Result<Published, Refused> {
        let sha256 = Sha256::of(&wasm);
        let vetted = self.vet(sha256, &wasm).await;
        self.publish_vetted(vetted, sha256, wasm, how).await
    }

    pub(super) async fn publish_vetted(
        &self,
        vetted: Result<Held, Unvetted>,
        sha256: Sha256,
        wasm: Vec<u8>,
        how: Publish,
    ) -> Result<Published, Refused> {
        // Held to the end: until then no set names it.
        let published = match vetted {
            Ok(module) => self.bring(&module, sha256, wasm, how).await,
            Err(unvetted) => Err(unvetted.into()),
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
            displaces(entries, &manifest.name, sha256, &how)?;
            Ok(self.enter(entries, manifest, sha256, &how))
        };
        let line = Line::of("publish", &manifest.name, &how.who).storing(&version);
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
