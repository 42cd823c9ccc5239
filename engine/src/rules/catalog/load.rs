//! The stored set into the live one: every entry with its compiled code, checked against this pipeline.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use wasmtime::component::Component;

use super::breaker::reason;
use super::{COMPILERS, Catalog, CatalogError, Refused, blocking};
use crate::fault;
use crate::model::catalog::{Entry, Manifest, Mode, RuleSet};
use crate::model::finding::RuleId;
use crate::model::ids::{Revision, Sha256};
use crate::model::record::FieldId;
use crate::model::store::StoreError;
use crate::rules::live::{Figures, LiveRule, LiveSet};
use crate::rules::module::compile::Failed;
use crate::rules::module::places::Asker;
use crate::rules::module::probe::{self, Fitted};
use crate::rules::module::validate::{Held, Unvetted};

/// Until a set is tried again that did not fit, and until the rows of the one in force are compared again.
const AGAIN: Duration = Duration::from_secs(30);

/// What the looks at the store's set have come to.
#[derive(Default)]
pub(super) struct Polled {
    /// The set that was not taken, and when it was tried.
    misfit: Option<(Revision, Instant)>,
    /// When the rows were last compared with what is in force.
    compared: Option<Instant>,
}
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
pub(super) enum Misfit {
    /// Nothing is known of it: the store or the compiler is away.
    Away(CatalogError),
    Rule(String),
    /// What is stored is not what was published.
    Damaged(String),
}

impl From<StoreError> for Misfit {
    fn from(error: StoreError) -> Self {
        Self::Away(error.into())
    }
}

/// A rule of the set that does not fit, and why.
pub(super) type Failures = Vec<(String, String)>;

impl Catalog {
    /// Takes the set that the store has by now, if it is another. One that did not fit is tried again now and then
    /// only: each try may compile.
    pub(super) async fn poll(&self, polled: &mut Polled) {
        let stored = match self.0.store.revision().await {
            Ok(stored) => stored,
            Err(error) => return self.told_of_store(Revision(0), &Err(error.into())),
        };
        let recent = |at: Instant| at.elapsed() < AGAIN;
        let waiting = polled.misfit.is_some_and(|(revision, tried)| revision == stored && recent(tried));
        // Also a damaged row is looked at again now and then.
        let same = stored == self.live().revision && polled.compared.is_some_and(recent);
        if waiting || same {
            return;
        }
        let _one = self.0.changing.lock().await;
        let taken = async {
            let set = self.0.store.rule_set().await?;
            self.take_over(&set).await
        };
        let taken = taken.await;
        self.assess();
        self.told_of_store(stored, &taken);
        polled.misfit = matches!(taken, Err(ref error) if !matches!(error, CatalogError::Store(_)))
            .then(|| (stored, Instant::now()));
        // What contradicts is looked at again at once: it may be repaired.
        polled.compared = taken.is_ok().then(Instant::now);
        if let Err(error) = taken {
            tracing::debug!(%error, "the rule set of the store is not taken, the one before stays in force");
        }
    }

    /// All of the set or nothing: an instance whose configuration lags behind keeps judging by the set that it has,
    /// and says so with every batch's revision.
    pub(super) async fn take_over(&self, set: &RuleSet) -> Result<(), CatalogError> {
        self.follows(set)?;
        if set.revision == self.live().revision && !self.is_damaged() {
            return Ok(());
        }
        let (live, failures) = self.load_what_fits(set, Trial::Configure).await?;
        if let Some((rule, message)) = failures.into_iter().next() {
            return Err(CatalogError::Rule { rule, message });
        }
        fault::pass("catalog.taken");
        self.install(live);
        Ok(())
    }

    pub(super) fn install(&self, mut live: LiveSet) {
        live.in_force = Instant::now();
        metrics::gauge!("weir_rules_revision").set(live.revision.0 as f64);
        self.0.live.store(Arc::new(live));
        self.assess();
        self.forget_checked();
    }

    /// Lets go of modules that were checked only, and of their code on disk.
    pub(super) fn forget_checked(&self) {
        let in_force: BTreeSet<Sha256> = self.live().rules.iter().map(|rule| rule.id.sha256).collect();
        self.0.modules.keep(&in_force);
        let cache = self.0.cache.clone();
        // Nobody waits for it, and the next change does it again.
        drop(tokio::task::spawn_blocking(move || cache.prune(&in_force)));
    }

    pub(super) async fn load_what_fits(
        &self,
        set: &RuleSet,
        trial: Trial,
    ) -> Result<(LiveSet, Failures), CatalogError> {
        let (mut rules, mut failures) = (Vec::new(), Vec::new());
        // As many as may compile. The order is the set's.
        let loads: Vec<_> = set.entries.iter().map(|entry| self.rule_if_it_fits(entry, trial)).collect();
        let mut loaded = stream::iter(loads).buffered(COMPILERS);
        while let Some(rule) = loaded.next().await {
            match rule? {
                Ok(rule) => rules.push(Arc::new(self.known_since(rule, set.revision))),
                Err(failure) => failures.push(failure),
            }
        }
        drop(loaded);
        let mut needed: Vec<FieldId> = rules.iter().filter(|r| r.judges()).flat_map(|r| r.fields.clone()).collect();
        needed.sort();
        needed.dedup();
        Ok((LiveSet { revision: set.revision, in_force: Instant::now(), rules, needed }, failures))
    }

    /// The rule as it comes into force with this revision, or came with an earlier one.
    fn known_since(&self, rule: LiveRule, revision: Revision) -> LiveRule {
        let before = self.live();
        let same = before.rules.iter().find(|known| known.is_as(&rule));
        LiveRule { since: same.map_or(revision, |known| known.since), ..rule }
    }

    /// The inner error: it should judge, and does not fit.
    async fn rule_if_it_fits(
        &self,
        entry: &Entry,
        trial: Trial,
    ) -> Result<Result<LiveRule, (String, String)>, CatalogError> {
        if entry.suspended.is_some() {
            return Ok(Ok(self.stand_in(entry).await?));
        }
        match self.rule(entry, trial).await {
            Ok(rule) => Ok(Ok(rule)),
            Err(Misfit::Away(error)) => Err(error),
            // Here only: another instance may have it in memory, and the row may be repaired.
            Err(Misfit::Damaged(why)) => Ok(Ok(LiveRule { suspended: Some(why), ..self.stand_in(entry).await? })),
            // It judges nothing anyhow, and is seen with the reason.
            Err(Misfit::Rule(why)) if entry.mode == Mode::Off => {
                let why = format!("it is off, and does not fit this instance: {}", reason(&why));
                Ok(Ok(LiveRule { suspended: Some(why), ..self.stand_in(entry).await? }))
            }
            Err(Misfit::Rule(why)) => Ok(Err((entry.name.clone(), why))),
        }
    }

    /// The entry with its code. Guest code runs only if it did not judge with these parameters already.
    pub(super) async fn rule(&self, entry: &Entry, trial: Trial) -> Result<LiveRule, Misfit> {
        let module = self.module(entry).await?;
        if module.manifest.name != entry.name {
            return Err(self.damaged(
                &entry.name,
                entry.sha256,
                format!(
                    "the set names version {} as rule {}, but the module says that it is rule {}",
                    entry.sha256, entry.name, module.manifest.name
                ),
            ));
        }
        let fitted = probe::fit(&self.0.schema, &module.manifest, &entry.parameters).map_err(Misfit::Rule)?;
        let before = self.live();
        let known = before.rules.iter().any(|rule| {
            rule.id.sha256 == entry.sha256 && rule.parameters == fitted.parameters && rule.suspended.is_none()
        });
        if !known {
            self.tried(&module, &fitted, trial).await?;
        }
        Ok(self.live_rule(entry, module.manifest.clone(), module.component.clone(), fitted))
    }

    async fn tried(&self, module: &Held, fitted: &Fitted, trial: Trial) -> Result<(), Misfit> {
        let (runtime, schema) = (self.0.runtime.clone(), self.0.schema.clone());
        let (module, fitted) = (module.clone(), fitted.clone());
        blocking(move || match trial {
            Trial::Configure => probe::configure(&runtime, &module, &fitted).map(drop),
            Trial::Probe => probe::probe(&runtime, &schema, &module, &fitted),
        })
        .await
        .map_err(|why| Misfit::Away(CatalogError::Compiler(why)))?
        .map_err(|failed| match (failed, trial) {
            (Failed::Module(why), _) | (Failed::Killed(why), Trial::Probe) => Misfit::Rule(why),
            // It passed when it was published: the machine is slow now, and that is no reason to let records pass.
            (Failed::Killed(why) | Failed::Engine(why), _) => Misfit::Away(CatalogError::Compiler(why)),
        })
    }

    /// From memory, or from the store.
    async fn module(&self, entry: &Entry) -> Result<Held, Misfit> {
        let sha256 = entry.sha256;
        if let Some(module) = self.0.modules.get(sha256) {
            self.is_whole(&entry.name);
            return Ok(module);
        }
        let version = self.0.store.version(sha256).await?;
        let version = version.ok_or_else(|| Misfit::Rule(format!("version {sha256} is gone from the store")))?;
        let stored = Sha256::of(&version.wasm);
        // Before anything is made of it: the code cache would keep it under this digest.
        if stored != sha256 {
            let why = format!("the module that weir_rule_version holds under {sha256} has the digest {stored}");
            return Err(self.damaged(&entry.name, sha256, why));
        }
        self.is_whole(&entry.name);
        self.vet(sha256, &version.wasm, Asker::Store).await.map_err(|unvetted| match unvetted {
            // What is stored passed once: a compiler that was killed or slow says nothing of it.
            Unvetted::Killed(why) | Unvetted::Refused(Refused::Compiler(why)) => {
                Misfit::Away(CatalogError::Compiler(why))
            }
            Unvetted::Refused(refused) => Misfit::Rule(refused.to_string()),
        })
    }

    /// A suspended rule: it is seen and judges nothing, so its code, which may be why, is not asked for.
    async fn stand_in(&self, entry: &Entry) -> Result<LiveRule, StoreError> {
        let known = self.0.store.version_info(entry.sha256).await?;
        let known = known.map(|version| version.manifest).filter(|manifest| manifest.name == entry.name);
        let manifest = known.unwrap_or_else(|| unknown(&entry.name));
        let component = Component::new(&self.0.runtime.engine, NOTHING).expect("the smallest component compiles");
        let fitted = probe::fit(&self.0.schema, &manifest, &entry.parameters).unwrap_or_else(|_| Fitted {
            fields: Vec::new(),
            scales: Vec::new(),
            parameters: entry.parameters.clone(),
        });
        Ok(self.live_rule(entry, manifest, component, fitted))
    }

    fn live_rule(&self, entry: &Entry, manifest: Manifest, component: Component, fitted: Fitted) -> LiveRule {
        let before = self.live();
        let old = before.rules.iter().find(|rule| rule.id.sha256 == entry.sha256);
        let start = self.0.config.rule.get(&entry.name);
        LiveRule {
            id: Arc::new(RuleId { name: entry.name.as_str().into(), sha256: entry.sha256 }),
            manifest,
            order: entry.order,
            mode: entry.mode,
            parameters: fitted.parameters,
            on_failure: start.and_then(|start| start.on_failure).unwrap_or(self.0.config.rules.on_failure),
            figures: old.map_or_else(|| Arc::new(Figures::default()), |rule| rule.figures.clone()),
            from_directory: entry.from_directory,
            suspended: entry.suspended.clone(),
            since: Revision(0),
            component,
            fields: fitted.fields,
            scales: fitted.scales,
        }
    }
}

fn unknown(name: &str) -> Manifest {
    let (version, summary) = ("unknown".to_owned(), "Its version is gone from the store.".to_owned());
    Manifest { name: name.to_owned(), version, summary, fields: Vec::new(), codes: Vec::new(), parameters: Vec::new() }
}

impl From<Misfit> for Refused {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Away(error) => error.into(),
            Misfit::Rule(why) | Misfit::Damaged(why) => Self::Unfit(why),
        }
    }
}

impl From<CatalogError> for Refused {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Store(error) => Self::Store(error),
            CatalogError::Compiler(why) => Self::Compiler(why),
            error @ (CatalogError::Rule { .. } | CatalogError::Misfits(_) | CatalogError::Directory(_)) => {
                Self::Unfit(error.to_string())
            }
        }
    }
}
