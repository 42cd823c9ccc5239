//! Stored entries to rules that judge: each is compiled or found in memory, fitted to this pipeline, and tried where it
//! never judged here.

use std::sync::Arc;

use futures::{StreamExt, stream};
use wasmtime::component::Component;

use super::damaged::DamagedRows;
use super::{CatalogError, Refused};
use crate::config::Config;
use crate::model::catalog::{Entry, Manifest, Mode, RuleSet};
use crate::model::ids::{Revision, Sha256};
use crate::model::record::Schema;
use crate::model::store::{CatalogStore, StoreError};
use crate::rules::live::{LiveRule, LiveSet};
use crate::rules::module::compile::Failed;
use crate::rules::module::probe::{self, Fitted};
use crate::rules::module::runtime::Runtime;
use crate::rules::module::{COMPILERS, Invalid, ModuleRef, Modules, Requester};
use crate::rules::tasks::blocking;
use crate::rules::text::reason;

/// The smallest component. It stands in for code that there is not, and is never instantiated.
const NOTHING: &[u8] = b"\0asm\x0d\0\x01\0";

/// How far an entry that judged nothing here yet is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// It takes its parameters: others probed it.
    Configure,
    /// It judges the synthetic rows as well.
    Probe,
}

/// Why an entry can't come into force.
pub(super) enum Incompatible {
    /// Nothing is known of it: the store or the compiler is away.
    Unavailable(CatalogError),
    /// It does not fit this instance: for whoever changed the rule or the configuration.
    Rule(String),
    /// What is stored is not what was published.
    Damaged(String),
}

impl From<StoreError> for Incompatible {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<Incompatible> for Refused {
    fn from(incompatible: Incompatible) -> Self {
        match incompatible {
            Incompatible::Unavailable(error) => error.into(),
            Incompatible::Rule(why) | Incompatible::Damaged(why) => Self::Unfit(why),
        }
    }
}

/// Rules of a set that do not fit, each with the reason.
pub(super) type Failures = Vec<(String, String)>;

/// Loads entries. It changes nothing but what is known of damaged rows; `before` is the set in force.
pub(super) struct Loader {
    pub(super) runtime: Arc<Runtime>,
    pub(super) store: Arc<dyn CatalogStore>,
    pub(super) schema: Arc<Schema>,
    pub(super) config: Arc<Config>,
    pub(super) modules: Modules,
    pub(super) damaged: DamagedRows,
}

impl Loader {
    /// The rules that fit, and those that should judge and do not.
    pub(super) async fn load(
        &self,
        set: &RuleSet,
        before: &LiveSet,
        trial: Trial,
    ) -> Result<(LiveSet, Failures), CatalogError> {
        let (mut rules, mut failures) = (Vec::new(), Vec::new());
        // As many as may compile. The order is the set's.
        let loads: Vec<_> = set.entries.iter().map(|entry| self.rule_if_it_fits(entry, before, trial)).collect();
        let mut loaded = stream::iter(loads).buffered(COMPILERS);
        while let Some(rule) = loaded.next().await {
            match rule? {
                Ok(rule) => rules.push(Arc::new(known_since(rule, before, set.revision))),
                Err(failure) => failures.push(failure),
            }
        }
        drop(loaded);
        Ok((LiveSet::new(set.revision, rules), failures))
    }

    /// The inner error: it should judge, and does not fit.
    async fn rule_if_it_fits(
        &self,
        entry: &Entry,
        before: &LiveSet,
        trial: Trial,
    ) -> Result<Result<LiveRule, (String, String)>, CatalogError> {
        if entry.suspended.is_some() {
            return Ok(Ok(self.stand_in(entry, before).await?));
        }
        match self.rule(entry, before, trial).await {
            Ok(rule) => Ok(Ok(rule)),
            Err(Incompatible::Unavailable(error)) => Err(error),
            // Here only: another instance may have it in memory, and the row may be repaired.
            Err(Incompatible::Damaged(why)) => {
                Ok(Ok(LiveRule { suspended: Some(why), ..self.stand_in(entry, before).await? }))
            }
            // It judges nothing anyhow, and is seen with the reason.
            Err(Incompatible::Rule(why)) if entry.mode == Mode::Off => {
                let why = format!("it is off, and does not fit this instance: {}", reason(&why));
                Ok(Ok(LiveRule { suspended: Some(why), ..self.stand_in(entry, before).await? }))
            }
            Err(Incompatible::Rule(why)) => Ok(Err((entry.name.clone(), why))),
        }
    }

    /// The entry with its code. Guest code runs only if it did not judge with these parameters already.
    pub(super) async fn rule(&self, entry: &Entry, before: &LiveSet, trial: Trial) -> Result<LiveRule, Incompatible> {
        let module = self.module(entry).await?;
        if module.manifest.name != entry.name {
            return Err(self.damaged(
                &entry.name,
                entry.sha256,
                &format!(
                    "the set names version {} as rule {}, but the module says that it is rule {}",
                    entry.sha256, entry.name, module.manifest.name
                ),
            ));
        }
        let fitted = probe::fit(&self.schema, &module.manifest, &entry.parameters).map_err(Incompatible::Rule)?;
        let known = before.rules.iter().any(|rule| {
            rule.id.sha256 == entry.sha256 && rule.parameters == fitted.parameters && rule.suspended.is_none()
        });
        if !known {
            self.tried(&module, &fitted, trial).await?;
        }
        Ok(self.live_rule(entry, before, module.manifest.clone(), module.component.clone(), fitted))
    }

    async fn tried(&self, module: &ModuleRef, fitted: &Fitted, trial: Trial) -> Result<(), Incompatible> {
        let (runtime, schema) = (self.runtime.clone(), self.schema.clone());
        let (module, fitted) = (module.clone(), fitted.clone());
        blocking(move || match trial {
            Trial::Configure => probe::configure(&runtime, &module, &fitted).map(drop),
            Trial::Probe => probe::probe(&runtime, &schema, &module, &fitted),
        })
        .await
        .map_err(|why| Incompatible::Unavailable(CatalogError::Compiler(why)))?
        .map_err(|failed| match (failed, trial) {
            (Failed::Module(why), _) | (Failed::Killed(why), Trial::Probe) => Incompatible::Rule(why),
            // It passed when it was published: the machine is slow now, and that is no reason to let records pass.
            (Failed::Killed(why) | Failed::Engine(why), _) => Incompatible::Unavailable(CatalogError::Compiler(why)),
        })
    }

    /// From memory, or from the store.
    async fn module(&self, entry: &Entry) -> Result<ModuleRef, Incompatible> {
        let sha256 = entry.sha256;
        if let Some(module) = self.modules.get(sha256) {
            self.damaged.remove(&entry.name);
            return Ok(module);
        }
        let version = self.store.version(sha256).await?;
        let version = version.ok_or_else(|| Incompatible::Rule(format!("version {sha256} is gone from the store")))?;
        let stored = Sha256::of(&version.wasm);
        // Before anything is made of it: the code cache would keep it under this digest.
        if stored != sha256 {
            let why = format!("the module that weir_rule_version holds under {sha256} has the digest {stored}");
            return Err(self.damaged(&entry.name, sha256, &why));
        }
        self.damaged.remove(&entry.name);
        self.modules.validate(sha256, &version.wasm, Requester::Store).await.map_err(|invalid| match invalid {
            // What is stored passed once: a compiler that was killed or slow says nothing of it.
            Invalid::Killed(why) | Invalid::Compiler(why) => Incompatible::Unavailable(CatalogError::Compiler(why)),
            invalid => Incompatible::Rule(Refused::from(invalid).to_string()),
        })
    }

    fn damaged(&self, rule: &str, sha256: Sha256, why: &str) -> Incompatible {
        self.damaged.add(rule, sha256);
        Incompatible::Damaged(format!("{why}: somebody changed the row"))
    }

    /// A suspended rule: it is seen and judges nothing, so its code, which may be why, is not asked for.
    async fn stand_in(&self, entry: &Entry, before: &LiveSet) -> Result<LiveRule, StoreError> {
        let known = self.store.version_info(entry.sha256).await?;
        let known = known.map(|version| version.manifest).filter(|manifest| manifest.name == entry.name);
        let manifest = known.unwrap_or_else(|| unknown(&entry.name));
        let component = Component::new(&self.runtime.engine, NOTHING).expect("the smallest component compiles");
        let fitted = probe::fit(&self.schema, &manifest, &entry.parameters).unwrap_or_else(|_| Fitted {
            fields: Vec::new(),
            scales: Vec::new(),
            parameters: entry.parameters.clone(),
        });
        Ok(self.live_rule(entry, before, manifest, component, fitted))
    }

    fn live_rule(
        &self,
        entry: &Entry,
        before: &LiveSet,
        manifest: Manifest,
        component: Component,
        fitted: Fitted,
    ) -> LiveRule {
        let old = before.rules.iter().find(|rule| rule.id.sha256 == entry.sha256);
        let start = self.config.rule.get(&entry.name);
        let on_failure = start.and_then(|start| start.on_failure).unwrap_or(self.config.rules.on_failure);
        let stats = old.map_or_else(Arc::default, |rule| rule.stats.clone());
        LiveRule::new(entry, (manifest, component), fitted, on_failure, stats)
    }
}

/// The rule as it comes into force with this revision, or came with an earlier one.
fn known_since(rule: LiveRule, before: &LiveSet, revision: Revision) -> LiveRule {
    let same = before.rules.iter().find(|known| known.is_as(&rule));
    LiveRule { since: same.map_or(revision, |known| known.since), ..rule }
}

fn unknown(name: &str) -> Manifest {
    let (version, summary) = ("unknown".to_owned(), "Its version is gone from the store.".to_owned());
    Manifest { name: name.to_owned(), version, summary, fields: Vec::new(), codes: Vec::new(), parameters: Vec::new() }
}
